"""What operators may do with a running gateway, request by request (implements control.api.GatewayFacade).

Roles are checked before; everything that changes something leaves a record with the operator's name and reason, and
answers with the command that takes it back.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import icsguard
from icsguard.control import replies, requests
from icsguard.control.replies import Done, Failure, FailureCode, Reply
from icsguard.conversation.tickets import Ticket
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.isolation import Isolation
from icsguard.core.record import Record, RecordKind
from icsguard.runtime import facade_views as views
from icsguard.runtime.granting import GrantError, new_grant

if TYPE_CHECKING:
    from icsguard.conversation.guard import Guard
    from icsguard.runtime.listener import Listener
    from icsguard.runtime.site import Site

MAX_GRANTS: Final = 256
"""Grants that operators may add on one conduit: more than that is a policy."""
_EXPLAINABLE: Final = frozenset(
    {RecordKind.VERDICT, RecordKind.MALFORMED, RecordKind.FINDING, RecordKind.FAILOVER, RecordKind.DEVICE},
)
"""Kinds that `explain last` looks for."""


class Facade:
    """The operators' view of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._grants_made = 0
        self._verbs: dict[type[requests.Asked], Callable[[Any, str], Awaitable[Reply]]] = {
            requests.GetStatus: self._status,
            requests.GetSessions: self._sessions,
            requests.GetPoints: self._points,
            requests.Explain: self._explain,
            requests.GetRecords: self._records,
            requests.ListTickets: self._tickets,
            requests.ListGrants: self._grants,
            requests.Isolate: self._isolate,
            requests.Release: self._release,
            requests.Approve: self._approve,
            requests.Deny: self._deny,
            requests.SetMode: self._set_mode,
            requests.Reload: self._reload,
            requests.AddGrant: self._add_grant,
            requests.EndGrant: self._end_grant,
            requests.Stop: self._stop,
        }

    async def handle(self, request: requests.Request, operator: str) -> Reply:
        """Do or answer one request of an operator."""
        return await self._verbs[type(request)](request, operator)

    # Looking.

    async def _status(self, _request: requests.GetStatus, _operator: str) -> Reply:
        site = self._site
        now = site.clock.now()
        listeners = site.listeners.values()
        facts = site.shadow.facts if site.shadow.is_up else {}
        return replies.Status(
            name=site.settings.gateway.name,
            version=icsguard.__version__,
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
            warnings=tuple(site.warnings.values()),
        )

    async def _sessions(self, request: requests.GetSessions, _operator: str) -> Reply:
        found = self._chosen(request.conduit)
        if isinstance(found, Failure):
            return found
        now = self._site.clock.now()
        sessions = [session for one in found for session in one.guard.sessions.values()]
        lines = tuple(views.session_line(session, now) for session in sessions)
        return replies.Sessions(now=now, wall_shift=self._site.clock.wall_shift(), sessions=lines)

    async def _points(self, request: requests.GetPoints, _operator: str) -> Reply:
        found = self._chosen(request.conduit)
        if isinstance(found, Failure):
            return found
        site = self._site
        points = await site.questions.ask(site.shadow.peer.link, request.conduit)
        if points is None:
            return Failure(
                code=FailureCode.UNAVAILABLE,
                text="the shadow, which knows the points, does not answer",
                hint="icsguard status",
            )
        return replies.Points(now=site.clock.now(), wall_shift=site.clock.wall_shift(), points=points)

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
        ticket = self._ticket(record.ticket) if record.ticket else None
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
        ticket = self._ticket(name)
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

    # Changing.

    async def _isolate(self, request: requests.Isolate, operator: str) -> Reply:
        found = self._chosen(request.conduit)
        if isinstance(found, Failure):
            return found
        if not request.permanent and not 0 < request.seconds <= requests.MAX_ISOLATION_S:
            text = f"an isolation lasts 1 s to {requests.MAX_ISOLATION_S // 86400} days"
            return Failure(code=FailureCode.INVALID, text=text, hint="use --permanent for a longer one")
        now = self._site.clock.now()
        until = 0 if request.permanent else now + request.seconds * SECOND
        record = None
        for listener in found:
            cut = Isolation(request.client, listener.guard.name, request.scope, request.reason, operator, now, until)
            record = listener.guard.quarantine.isolate(cut, now)
            listener.wake()
        return await self._done(
            f"{request.client} is isolated ({request.scope.value}) on {_names(found)}",
            operator,
            request,
            undo=f"icsguard release {request.client} -r '…'",
            until=until,
            record=record,
        )

    async def _release(self, request: requests.Release, operator: str) -> Reply:
        found = self._chosen(request.conduit)
        if isinstance(found, Failure):
            return found
        now, record = self._site.clock.now(), None
        for listener in found:
            record = listener.guard.quarantine.release(request.client, request.reason, operator, now) or record
            listener.wake()
        if record is None:
            return _unknown(f"{request.client} is not isolated on {_names(found)}", "icsguard status")
        return await self._done(
            f"{request.client} is no longer isolated on {_names(found)}",
            operator,
            request,
            undo=f"icsguard isolate {request.client} -r '…'",
            record=record,
        )

    async def _approve(self, request: requests.Approve, operator: str) -> Reply:
        found = self._ticket(request.ticket)
        now = self._site.clock.now()
        ticket = found[0].tickets.approve(request.ticket, operator, now) if found is not None else None
        if ticket is None:
            return _unknown(f"no ticket {request.ticket} is open", "icsguard tickets")
        return await self._done(
            f"the next identical request of {ticket.key[0]} passes once: {ticket.request}",
            operator,
            request,
            undo=f"icsguard deny {ticket.id} -r '…'",
            until=ticket.until,
        )

    async def _deny(self, request: requests.Deny, operator: str) -> Reply:
        found = self._ticket(request.ticket)
        now = self._site.clock.now()
        ticket = found[0].tickets.deny(request.ticket, operator, now) if found is not None else None
        if ticket is None:
            return _unknown(f"no ticket {request.ticket} is open", "icsguard tickets")
        return await self._done(f"ticket {ticket.id} is closed: {ticket.request}", operator, request)

    async def _set_mode(self, request: requests.SetMode, operator: str) -> Reply:
        listener = self._site.listeners.get(request.conduit)
        if listener is None:
            return self._no_conduit(request.conduit)
        guard, before = listener.guard, listener.guard.mode
        if request.mode is Mode.ENFORCE and not guard.conduit.policy.rules:
            return Failure(
                code=FailureCode.REFUSED,
                text=f"conduit {guard.name} has no rules: enforcing would refuse everything",
                hint=f"icsguard learn {guard.name}, then set its policy",
            )
        self._site.kept.set_mode(guard, request.mode)
        self._site.tell_parts()
        return await self._done(
            f"conduit {guard.name} is in mode {request.mode.value} (before: {before.value})",
            operator,
            request,
            undo=f"icsguard mode {guard.name} {before.value} -r '…'",
        )

    async def _reload(self, request: requests.Reload, operator: str) -> Reply:
        problems = await self._site.reload(request.reason, operator)
        if problems:
            return Failure(
                code=FailureCode.INVALID,
                text="the new configuration is not (wholly) in use; the last good one serves",
                hint="icsguard config check",
                details=problems,
            )
        return Done(text="the configuration was read again and is in use", wall_shift=self._site.clock.wall_shift())

    async def _add_grant(self, request: requests.AddGrant, operator: str) -> Reply:
        listener = self._site.listeners.get(request.conduit)
        if listener is None:
            return self._no_conduit(request.conduit)
        kept = self._site.kept
        present = kept.grants_of(request.conduit)
        if len(present) >= MAX_GRANTS:
            return Failure(code=FailureCode.REFUSED, text=f"{MAX_GRANTS} grants are in force already")
        wall = self._site.clock.now() + self._site.clock.wall_shift()
        self._grants_made += 1
        try:
            grant = new_grant(f"g{self._site.run.id[1:]}-{self._grants_made}", request, listener.conduit, wall)
        except GrantError as error:
            return Failure(code=FailureCode.INVALID, text=str(error), hint="icsguard grant add --help")
        kept.grants[request.conduit] = (*present, grant)
        kept.granted_by[grant.id] = operator
        await self._site.regrant(request.conduit)
        return await self._done(
            f"grant {grant.id}: {request.client} on {request.conduit} for {request.seconds} s",
            operator,
            request,
            undo=f"icsguard grant end {request.conduit} {grant.id} -r '…'",
            until=grant.until - self._site.clock.wall_shift(),
        )

    async def _end_grant(self, request: requests.EndGrant, operator: str) -> Reply:
        kept = self._site.kept
        present = kept.grants_of(request.conduit)
        left = tuple(grant for grant in present if grant.id != request.id)
        if request.conduit not in self._site.listeners or len(left) == len(present):
            return _unknown(f"no operator's grant {request.id} is in force", "icsguard grant list")
        kept.grants[request.conduit] = left
        await self._site.regrant(request.conduit)
        return await self._done(f"grant {request.id} is ended", operator, request)

    async def _stop(self, request: requests.Stop, operator: str) -> Reply:
        done = await self._done("the gateway drains and stops", operator, request)
        self._site.stopping.set()
        return done

    # Inside.

    def _chosen(self, conduit: str) -> list[Listener] | Failure:
        if conduit in {"", requests.ALL}:
            return list(self._site.listeners.values())
        listener = self._site.listeners.get(conduit)
        return self._no_conduit(conduit) if listener is None else [listener]

    def _no_conduit(self, name: str) -> Failure:
        known = ", ".join(self._site.listeners)
        return _unknown(f"there is no conduit {name!r}; there is {known}", "icsguard status")

    def _ticket(self, name: str) -> tuple[Guard, Ticket] | None:
        for listener in self._site.listeners.values():
            ticket = listener.guard.tickets.find(name)
            if ticket is not None:
                return listener.guard, ticket
        return None

    async def _done(
        self,
        text: str,
        operator: str,
        request: requests.Change,
        *,
        undo: str = "",
        until: int = 0,
        record: Record | None = None,
    ) -> Done:
        """Write down what was changed, keep it, and answer."""
        site = self._site
        conduit = getattr(request, "conduit", "")
        written = site.changed(text, operator, request.reason, "" if conduit == requests.ALL else conduit)
        await site.save()
        return Done(
            text=text,
            undo=undo,
            until=until,
            record=(record or written).id,
            wall_shift=site.clock.wall_shift(),
            details=tuple(warning for subject, warning in site.warnings.items() if subject == "state"),
        )


def _unknown(text: str, hint: str) -> Failure:
    return Failure(code=FailureCode.UNKNOWN, text=text, hint=hint)


def _names(listeners: list[Listener]) -> str:
    return ", ".join(listener.guard.name for listener in listeners)
