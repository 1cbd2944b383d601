"""From an operator's words to a grant: functions, points, ranges and an end, checked against the conduit's policy."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Final

from icsguard.config.settings import Conduit
from icsguard.control.requests import MAX_GRANT_S, AddGrant
from icsguard.core.clock import SECOND
from icsguard.policy.rules import Grant, Service
from icsguard.policy.words import parse_target
from icsguard.protocols.modbus.services import parse_service

MAX_UNIT: Final = 255


class GrantError(Exception):
    """The request names something that does not exist; the message says what."""


def new_grant(grant_id: str, request: AddGrant, conduit: Conduit, wall: int) -> Grant:
    """Return the grant that `request` asks for, from `wall` (ns since the epoch) on. Raises GrantError."""
    if not (request.functions or request.points or request.ranges):
        raise GrantError("a grant names functions, points or ranges")
    if not 0 < request.seconds <= MAX_GRANT_S:
        raise GrantError(f"a grant lasts 1 s to {MAX_GRANT_S // 86400} days")
    _check_names(request, conduit)
    try:
        services = tuple(Service(*parse_service(text)) for text in request.functions)
        targets = tuple(parse_target(text) for text in request.ranges)
    except ValueError as error:
        raise GrantError(str(error)) from error
    return Grant(
        id=grant_id,
        client=request.client,
        until=wall + request.seconds * SECOND,
        reason=request.reason,
        services=services,
        units=request.units,
        targets=targets,
        points=request.points,
        max_uses=request.max_uses,
        since=wall,
    )


def _check_names(request: AddGrant, conduit: Conduit) -> None:
    known = {point.name for point in conduit.policy.points}
    for name in request.points:
        if name not in known:
            raise GrantError(f"conduit {conduit.name} has no point {name!r}")
    if any(not 0 <= unit <= MAX_UNIT for unit in request.units):
        raise GrantError(f"unit identifiers are 0 to {MAX_UNIT}")
    if request.client in {group.name for group in conduit.policy.groups}:
        return
    try:
        ip_network(request.client, strict=False)
    except ValueError as error:
        raise GrantError(f"{request.client!r} is no address, network or client group of {conduit.name}") from error
