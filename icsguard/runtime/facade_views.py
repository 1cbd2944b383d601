"""The gateway as operators see it: status lines, sessions, tickets, grants, made from the guards on request."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

from icsguard.control.replies import ConduitStatus, GrantLine, SessionLine, TicketLine
from icsguard.conversation.dialogue import Dialogue
from icsguard.conversation.states import ClientState, LinkState
from icsguard.core.clock import SECOND
from icsguard.core.isolation import Scope
from icsguard.policy.rules import Grant
from icsguard.policy.words import service_text, target_text
from icsguard.runtime.listener import Listener

if TYPE_CHECKING:
    from icsguard.conversation.guard import Guard
    from icsguard.conversation.pool import Pool
    from icsguard.conversation.tickets import Ticket

RATE_WINDOW: Final = 10
"""Seconds over which requests per second are averaged."""


class Rates:
    """Requests per second of each conduit, from the counters' readings of the last seconds."""

    def __init__(self) -> None:
        self._readings: dict[str, deque[tuple[int, int]]] = {}

    def read(self, listeners: dict[str, Listener], now: int) -> None:
        """Take a reading; to be called once a second."""
        for name, listener in listeners.items():
            readings = self._readings.setdefault(name, deque(maxlen=RATE_WINDOW + 1))
            readings.append((now, listener.guard.counters.transactions))

    def of(self, name: str, count: int, now: int) -> float:
        """Return the requests per second of a conduit that has counted `count` so far."""
        readings = self._readings.get(name)
        if not readings or now <= readings[0][0]:
            return 0.0
        at, before = readings[0]
        return round((count - before) * SECOND / (now - at), 1)


def conduit_line(listener: Listener, rates: Rates, facts: dict[str, str | int | float], now: int) -> ConduitStatus:
    """Return a conduit on one line."""
    guard, counters = listener.guard, listener.guard.counters
    conduit = listener.conduit
    return ConduitStatus(
        name=guard.name,
        protocol=conduit.protocol,
        listen=f"{conduit.listen_host}:{listener.port}",
        device=f"{conduit.device_host}:{conduit.device_port}",
        device_state=device_state(guard),
        mode=guard.mode,
        clients=len(guard.sessions),
        requests_per_s=rates.of(guard.name, counters.transactions, now),
        p99_added_us=counters.p99_added_us(),
        twin=str(facts.get(f"{guard.name}.twin", facts.get("twin", "none"))),
        failure_policy=conduit.failure.value,
        policy_digest=guard.judge.digest,
        rules=len(conduit.policy.rules) + len(conduit.policy.opcua.rules if conduit.policy.opcua else ()),
        transactions=counters.transactions,
        refused=counters.refused,
        held=counters.held,
        alerted=counters.alerted,
        would_be=counters.would_be,
        failovers=counters.failovers,
        writes_unknown=counters.writes_unknown,
        links=ways_line(listener) if conduit.opcua else links_line(guard.pool, now) if guard.pool is not None else "",
        quirks=conduit.quirks,
    )


def links_line(pool: Pool, now: int) -> str:
    """Return how shared links stand: how many, who waits, which units do not answer."""
    up = sum(lane.state is LinkState.UP for lane in pool.lanes)
    parts = [f"{up} of {len(pool.lanes)} shared links up", f"{pool.waiting} requests wait"]
    silent = sorted(pool.units.silent(now))
    if silent:
        parts.append(f"silent units: {', '.join(map(str, silent))}")
    return ", ".join(parts)


def ways_line(listener: Listener) -> str:
    """Return how an OPC UA conduit stands between its channels, and where contents are not inspected."""
    settings = listener.conduit.opcua
    if settings is None or settings.way == "terminate":
        near = ", ".join(_security(policy, mode) for policy, mode in settings.client_security) if settings else ""
        far = _security(*settings.server_security) if settings else ""
        return f"channels end here: {near or 'nothing offered'} to clients, {far} to the server"
    sessions: list[Any] = list(listener.guard.sessions.values())
    closed = sum(not session.inspected for session in sessions)
    blind = f": contents not inspected on {closed} of {len(sessions)}" if closed else ""
    denied = "a denial cuts the connection where messages are signed" if settings.on_deny else "watched"
    return f"the peers' own channels pass, {denied}{blind}"


def _security(policy: str, mode: int) -> str:
    """Return policy and mode in words."""
    name = policy.rpartition("#")[2]
    return name if mode == 1 else f"{name} {'SignAndEncrypt' if mode == 3 else 'Sign'}"  # noqa: PLR2004 - P4 §7.15


def device_state(guard: Guard) -> str:
    """Return how the device stands: up, idle or down."""
    if guard.pacing.is_failing:
        return "down"
    if guard.pool is not None and guard.pool.is_up:
        return "up"
    up = any(session.device_is_up for session in guard.sessions.values())
    return "up" if up else "idle"


def session_line(session: Dialogue, now: int) -> SessionLine:
    """Return one connected client."""
    client = session.client
    return SessionLine(
        flow=session.flow,
        conduit=session.guard.name,
        client=f"{client.address}:{client.port}",
        group=client.name,
        since=session.since,
        last=session.last_at if session.requests else 0,
        requests=session.requests,
        writes=session.writes,
        refused=session.refused,
        in_flight=session.in_flight,
        state=_session_state(session, now),
    )


def _session_state(session: Dialogue, now: int) -> str:
    scope = session.guard.quarantine.scope_for(session.client.address, now)
    if scope is not None:
        return "isolated" if scope is Scope.FULL else "writes isolated"
    return "open" if session.state is ClientState.OPEN else "draining"


def ticket_line(ticket: Ticket, conduit: str) -> TicketLine:
    """Return one request that waits for a human."""
    return TicketLine(
        id=ticket.id,
        conduit=conduit,
        client=ticket.key[0],
        opened=ticket.opened,
        until=ticket.until,
        request=ticket.request,
        why=ticket.why,
        state=ticket.state.value,
        asked=ticket.asked,
        record=ticket.record,
    )


def grant_line(grant: Grant, conduit: str, *, used: int, by: str) -> GrantLine:
    """Return one permission with an end."""
    parts = [f"function {service_text(service)}" for service in grant.services]
    parts += [target_text(target) for target in grant.targets]
    parts += list(grant.points)
    parts += [f"unit {unit}" for unit in grant.units]
    return GrantLine(
        id=grant.id,
        conduit=conduit,
        client=grant.client,
        what=", ".join(parts),
        until=grant.until,
        used=used,
        max_uses=grant.max_uses,
        by=by,
        reason=grant.reason,
    )
