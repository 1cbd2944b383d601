"""Cutting a client off: what, how far, why, until when; and how it is undone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """How far an isolation goes."""

    WRITES = "writes"
    """Reads go on; writes and commands are answered busy (0x06)."""
    FULL = "full"
    """Connections are closed and new ones refused."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """One client (or all of a conduit's clients but none by itself) cut off until a moment."""

    client: str
    """IP address."""
    conduit: str
    """Conduit name; `*` for all."""
    scope: Scope
    reason: str
    by: str
    """Operator's name, or the detector that asked."""
    since: int
    until: int
    """Released by itself at this `now`; 0 only when an operator said `--permanent`."""


@dataclass(frozen=True, slots=True)
class IsolationRequest:
    """The shadow asks the gateway to isolate; the gateway decides by its own bounds whether to do so."""

    client: str
    conduit: str
    scope: Scope
    reason: str
    detector: str
    seconds: int
