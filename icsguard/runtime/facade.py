"""What operators may do with a running gateway, request by request (implements control.api.GatewayFacade).

Roles are checked before; what only looks is in `facade_looking`. Everything that changes something leaves a record with
the operator's name and reason, and answers with the command that takes it back.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from icsguard.control import requests
from icsguard.control.replies import Done, Failure, FailureCode, Reply
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.isolation import Isolation
from icsguard.core.record import Record
from icsguard.runtime.facade_looking import Looking, Verb, chosen, find_ticket, no_conduit, unknown
from icsguard.runtime.granting import GrantError, new_grant
from icsguard.runtime.second import SecondOpinions, isolation_of, warning

if TYPE_CHECKING:
    from icsguard.runtime.listener import Listener
    from icsguard.runtime.site import Site

MAX_GRANTS: Final = 256
"""Grants that operators may add on one conduit: more than that is a policy."""


class Facade:
    """The operators' view of a site."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._grants_made = 0
        self._second = SecondOpinions()
        self._verbs: dict[type[requests.Asked], Verb] = {
            **Looking(site).verbs,
            requests.Isolate: self._isolate,
            requests.Release: self._release,
            requests.Approve: self._approve,
            requests.Deny: self._deny,
            requests.SetMode: self._set_mode,
            requests.Reload: self._reload,
            requests.AddGrant: self._add_grant,
            requests.EndGrant: self._end_grant,
            requests.NoteModel: self._note_model,
            requests.Stop: self._stop,
        }

    async def handle(self, request: requests.Request, operator: str) -> Reply:
        """Do or answer one request of an operator."""
        return await self._verbs[type(request)](request, operator)

    async def _isolate(self, request: requests.Isolate, operator: str) -> Reply:
        found = chosen(self._site, request.conduit)
        if isinstance(found, Failure):
            return found
        try:
            client = str(ip_address(request.client))
        except ValueError:
            return Failure(
                code=FailureCode.INVALID,
                text=f"{request.client!r} is no IP address",
                hint="icsguard sessions shows who is connected",
            )
        if not request.permanent and not 0 < request.seconds <= requests.MAX_ISOLATION_S:
            text = f"an isolation lasts 1 s to {requests.MAX_ISOLATION_S // 86400} days"
            return Failure(code=FailureCode.INVALID, text=text, hint="use --permanent for a longer one")
        warned = await self._warned(request, client, operator, found)
        if isinstance(warned, Failure):
            return warned
        now = self._site.clock.now()
        until = 0 if request.permanent else now + request.seconds * SECOND
        record = None
        for listener in found:
            cut = Isolation(client, listener.guard.name, request.scope, request.reason, operator, now, until)
            record = listener.guard.quarantine.isolate(cut, now)
            listener.wake()
        return await self._done(
            f"{client} is isolated ({request.scope.value}) on {_names(found)}{warned}",
            operator,
            request,
            undo=f"icsguard release {client} -r '…'",
            until=until,
            record=record,
        )

    async def _warned(
        self, request: requests.Isolate, client: str, operator: str, where: list[Listener]
    ) -> str | Failure:
        """Return what to add to the record; a Failure where the twin warns and nobody else has approved yet."""
        options = isolation_of(client)
        for listener in where:
            name = listener.guard.name
            tried = await self._site.questions.try_out(self._site.shadow.peer.link, name, options)
            why = warning(tried)
            if not why:
                continue
            deed = ("isolate", client, request.scope.value, request.conduit)
            first = self._second.approve(deed, operator, self._site.clock.now())
            if first:
                return f", although {why}; {first} and {operator} approved it"
            return Failure(
                code=FailureCode.REFUSED,
                text=f"on {name} {why}; this needs two people",
                hint="another operator types the same within ten minutes, or: icsguard twin try",
            )
        return ""

    async def _release(self, request: requests.Release, operator: str) -> Reply:
        found = chosen(self._site, request.conduit)
        if isinstance(found, Failure):
            return found
        now, record = self._site.clock.now(), None
        for listener in found:
            record = listener.guard.quarantine.release(request.client, request.reason, operator, now) or record
            listener.wake()
        if record is None:
            return unknown(f"{request.client} is not isolated on {_names(found)}", "icsguard status")
        return await self._done(
            f"{request.client} is no longer isolated on {_names(found)}",
            operator,
            request,
            undo=f"icsguard isolate {request.client} -r '…'",
            record=record,
        )

    async def _approve(self, request: requests.Approve, operator: str) -> Reply:
        found = find_ticket(self._site, request.ticket)
        now = self._site.clock.now()
        ticket = found[0].tickets.approve(request.ticket, operator, now) if found is not None else None
        if ticket is None:
            return unknown(f"no ticket {request.ticket} is open", "icsguard tickets")
        return await self._done(
            f"the next identical request of {ticket.key[0]} passes once: {ticket.request}",
            operator,
            request,
            undo=f"icsguard deny {ticket.id} -r '…'",
            until=ticket.until,
        )

    async def _deny(self, request: requests.Deny, operator: str) -> Reply:
        found = find_ticket(self._site, request.ticket)
        now = self._site.clock.now()
        ticket = found[0].tickets.deny(request.ticket, operator, now) if found is not None else None
        if ticket is None:
            return unknown(f"no ticket {request.ticket} is open", "icsguard tickets")
        return await self._done(f"ticket {ticket.id} is closed: {ticket.request}", operator, request)

    async def _set_mode(self, request: requests.SetMode, operator: str) -> Reply:
        listener = self._site.listeners.get(request.conduit)
        if listener is None:
            return no_conduit(self._site, request.conduit)
        guard, before = listener.guard, listener.guard.mode
        policy = guard.conduit.policy
        if request.mode is Mode.ENFORCE and not policy.rules and not (policy.opcua and policy.opcua.rules):
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
            return no_conduit(self._site, request.conduit)
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
            return unknown(f"no operator's grant {request.id} is in force", "icsguard grant list")
        kept.grants[request.conduit] = left
        await self._site.regrant(request.conduit)
        return await self._done(f"grant {request.id} is ended", operator, request)

    async def _note_model(self, request: requests.NoteModel, operator: str) -> Reply:
        if request.conduit not in self._site.listeners:
            return no_conduit(self._site, request.conduit)
        self._site.tell_parts()  # the shadow looks at its models again
        return await self._done(request.what[: requests.MAX_REASON], operator, request)

    async def _stop(self, request: requests.Stop, operator: str) -> Reply:
        done = await self._done("the gateway drains and stops", operator, request)
        self._site.stopping.set()
        return done

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


def _names(listeners: list[Listener]) -> str:
    return ", ".join(listener.guard.name for listener in listeners)
