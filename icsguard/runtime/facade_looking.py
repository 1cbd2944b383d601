"""What operators may look at: status, sessions, points, records, tickets, grants; each reply made on request."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import icsguard
from icsguard.control import replies, requests
from icsguard.control.replies import Failure, FailureCode, Reply
from icsguard.core.record import Record, RecordKind
from icsguard.core.sandbox import MAX_OPTIONS
from icsguard.runtime import compiled
from icsguard.runtime import facade_views as views

if TYPE_CHECKING:
    from icsguard.conversation.guard import Guard
    from icsguard.conversation.tickets import Ticket
    from icsguard.runtime.listener import Listener
    from icsguard.runtime.site import Site

Verb = Callable[[Any, str], Awaitable[Reply]]
"""Answers one kind of request of one operator."""
_EXPLAINABLE: Final = frozenset(
    {RecordKind.VERDICT, RecordKind.MALFORMED, RecordKind.FINDING, RecordKind.FAILOVER, RecordKind.DEVICE},
)
"""Kinds that `explain last` looks for."""


class Looking:
    """The verbs that change nothing."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.verbs: dict[type[requests.Asked], Verb] = {
            requests.GetStatus: self._status,
            requests.GetSessions: self._sessions,
            requests.GetPoints: self._points,
            requests.Explain: self._explain,
            requests.GetRecords: self._records,
            requests.ListTickets: self._tickets,
            requests.ListGrants: self._grants,
            requests.TryOut: self._try_out,
        }

    async def _status(self, _request: requests.GetStatus, _operator: str) -> Reply:
        site = self._site
        now = site.clock.now()
        listeners = site.listeners.values()
        facts = site.shadow.facts if site.shadow.is_up else {}
        return replies.Status(
            name=site.settings.gateway.name,
            version=icsguard.__version__,
            core=compiled.running().name,
            pid=os.getpid(),
            now=now,
            started=site.started,
            wall_shift=site.clock.wall_shift(),
            config=str(site.config),
            settings_digest=site.settings.digest,
            conduits=tuple(views.conduit_line(one, site.rates, facts, now) for one in listeners),
            parts=(site.shadow.status(), site.recorder.status()),
            isolations=tuple(cut for one in listeners for cut in one.guard.quarantine.isolations.all()),
            tickets=sum(len(one.guard.tickets) for one in listeners),
            grants=sum(len(grants) for grants in map(site.kept.grants_of, site.listeners)),
            last_change=site.last_change,
            warnings=(*site.warnings.values(), *(text for one in listeners for text in one.warnings)),
        )

    async def _sessions(self, request: requests.GetSessions, _operator: str) -> Reply:
        found = chosen(self._site, request.conduit)
        if isinstance(found, Failure):
            return found
        now = self._site.clock.now()
        sessions = [session for one in found for session in one.guard.sessions.values()]
        lines = tuple(views.session_line(session, now) for session in sessions)
        return replies.Sessions(now=now, wall_shift=self._site.clock.wall_shift(), sessions=lines)

    async def _points(self, request: requests.GetPoints, _operator: str) -> Reply:
        found = chosen(self._site, request.conduit)
        if isinstance(found, Failure):
            return found
        site = self._site
        points = await site.questions.ask(site.shadow.peer.link, request.conduit)
        if points is None:
            return _no_shadow("knows the points")
        return replies.Points(now=site.clock.now(), wall_shift=site.clock.wall_shift(), points=points)

    async def _try_out(self, request: requests.TryOut, _operator: str) -> Reply:
        site = self._site
        if request.conduit not in site.listeners:
            return no_conduit(site, request.conduit)
        if len(request.options) > MAX_OPTIONS:
            text = f"at most {MAX_OPTIONS} alternatives are tried at once"
            return Failure(code=FailureCode.INVALID, text=text, hint="icsguard twin try --help")
        result = await site.questions.try_out(site.shadow.peer.link, request.conduit, request.options)
        if result is None:
            return _no_shadow("has the twin")
        return replies.Tried(now=site.clock.now(), wall_shift=site.clock.wall_shift(), result=result)

    async def _explain(self, request: requests.Explain, _operator: str) -> Reply:
        record = self._record_for(request.id)
        if record is None:
            return Failure(
                code=FailureCode.UNKNOWN,
                text=f"no record {request.id} is in memory",
                hint="icsguard records; older ones are in the recorder's files",
            )
        listener = self._site.listeners.get(record.conduit)
        now = self._site.clock.now()
        isolated = listener is not None and listener.guard.quarantine.scope_for(record.client, now) is not None
        ticket = find_ticket(self._site, record.ticket) if record.ticket else None
        return replies.Explained(
            record=record,
            now=now,
            wall_shift=self._site.clock.wall_shift(),
            isolated=isolated,
            ticket_state=ticket[1].state.value if ticket is not None else "",
        )

    def _record_for(self, name: str) -> Record | None:
        recent = self._site.run.recent
        if name == "last":
            return next((record for record in reversed(recent) if record.kind in _EXPLAINABLE), None)
        ticket = find_ticket(self._site, name)
        return self._site.run.find(ticket[1].record if ticket is not None else name)

    async def _records(self, request: requests.GetRecords, _operator: str) -> Reply:
        chosen = [
            record
            for record in self._site.run.recent
            if (request.kind is None or record.kind is request.kind)
            and request.conduit in {"", record.conduit}
            and request.client in {"", record.client}
        ]
        last = min(max(request.last, 0), requests.MAX_RECORDS_ASKED)
        return replies.Records(
            now=self._site.clock.now(),
            wall_shift=self._site.clock.wall_shift(),
            records=tuple(chosen[len(chosen) - min(last, len(chosen)) :]),
        )

    async def _tickets(self, _request: requests.ListTickets, _operator: str) -> Reply:
        now = self._site.clock.now()
        lines = tuple(
            views.ticket_line(ticket, listener.guard.name)
            for listener in self._site.listeners.values()
            for ticket in listener.guard.tickets.live(now)
        )
        return replies.Tickets(now=now, wall_shift=self._site.clock.wall_shift(), tickets=lines)

    async def _grants(self, _request: requests.ListGrants, _operator: str) -> Reply:
        site = self._site
        wall = site.clock.now() + site.clock.wall_shift()
        lines = tuple(
            views.grant_line(
                grant,
                name,
                used=listener.guard.memory.uses(grant.id),
                by=site.kept.granted_by.get(grant.id, "policy"),
            )
            for name, listener in site.listeners.items()
            for grant in listener.guard.conduit.policy.grants
            if grant.until > wall
        )
        return replies.Grants(now=site.clock.now(), wall_shift=site.clock.wall_shift(), grants=lines)


def chosen(site: Site, conduit: str) -> list[Listener] | Failure:
    """Return the conduits that a request speaks of: all for an empty name or `*`."""
    if conduit in {"", requests.ALL}:
        return list(site.listeners.values())
    listener = site.listeners.get(conduit)
    return no_conduit(site, conduit) if listener is None else [listener]


def no_conduit(site: Site, name: str) -> Failure:
    """Return the answer to a name that no conduit has."""
    return unknown(f"there is no conduit {name!r}; there is {', '.join(site.listeners)}", "icsguard status")


def find_ticket(site: Site, name: str) -> tuple[Guard, Ticket] | None:
    """Return a ticket, open or lately closed, and the guard that has it."""
    for listener in site.listeners.values():
        ticket = listener.guard.tickets.find(name)
        if ticket is not None:
            return listener.guard, ticket
    return None


def unknown(text: str, hint: str) -> Failure:
    """Return the answer to something that does not exist."""
    return Failure(code=FailureCode.UNKNOWN, text=text, hint=hint)


def _no_shadow(what: str) -> Failure:
    text = f"the shadow, which {what}, does not answer"
    return Failure(code=FailureCode.UNAVAILABLE, text=text, hint="icsguard status")
