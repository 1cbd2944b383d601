"""Who may ask for what: two roles, found from the peer's credentials that the kernel vouches for."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from typing import NamedTuple

from icsguard.control.requests import Change, Request

ROOT = 0


class Role(StrEnum):
    """How far a caller is trusted. A caller with neither role gets one sentence and the end of the connection."""

    VIEWER = "viewer"
    """May look."""
    OPERATOR = "operator"
    """May look and change."""


class Caller(NamedTuple):
    """Who is on the other end of the control socket, as the operating system says."""

    uid: int
    user: str
    """User name; `uid 1000` where the system has no name for it."""
    groups: frozenset[str] = frozenset()
    """Names of all the user's groups."""


def role_of(caller: Caller, *, own_uid: int, operators: Collection[str], viewers: Collection[str]) -> Role | None:
    """Return the caller's role, None where it has none. The lists hold user names, and group names as `@group`.

    Root and the gateway's own user are operators always: whoever can end the process needs no permission from it.
    """
    names = {caller.user} | {f"@{group}" for group in caller.groups}
    if caller.uid in {ROOT, own_uid} or not names.isdisjoint(operators):
        return Role.OPERATOR
    return None if names.isdisjoint(viewers) else Role.VIEWER


def may(role: Role, request: Request) -> bool:
    """Say whether the role suffices: whatever has a reason changes something and needs an operator."""
    return role is Role.OPERATOR or not isinstance(request, Change)
