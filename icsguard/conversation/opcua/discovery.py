"""What clients ask before they have a session: endpoints and servers, told in the device's words with our address."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from icsguard.conversation.opcua.endpoints import Face, chosen, endpoints, servers
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.core.clock import MINUTE
from icsguard.core.record import RecordKind, Severity
from icsguard.protocols.opcua.describe import shown
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_session import (
    EndpointDescription,
    FindServersRequest,
    FindServersResponse,
    GetEndpointsRequest,
    GetEndpointsResponse,
)
from icsguard.protocols.opcua.services import Response, build_request, parse_response
from icsguard.protocols.opcua.status import STATUS

if TYPE_CHECKING:
    from icsguard.conversation.opcua.session_services import SessionServices
    from icsguard.conversation.opcua.terminate import Terminated


MAX_LISTED: Final = 8  # endpoints that a record names


def _words(found: tuple[EndpointDescription, ...]) -> set[str]:
    """Return what tells endpoints apart, as text."""
    return {
        f"{(one.policy or '').rpartition('#')[2]} mode {one.mode} at {one.url}, certificate "
        f"{hashlib.sha256(one.certificate or b'').hexdigest()[:12]}"
        for one in found
    }


def _listed(words: set[str]) -> str:
    return ", ".join(shown(word) for word in sorted(words)[:MAX_LISTED]) or "none"


class Discovery:
    """The discovery services of one connection."""

    def __init__(self, services: SessionServices, talk: Terminated) -> None:
        self._services = services
        self._talk = talk
        self._guard = talk.guard

    @property
    def face(self) -> Face:
        """What the gateway shows to this client."""
        options, legs = self._guard.options, self._guard.legs
        leaf = legs.ours.certificate if legs.ours is not None else None
        return Face(options.url or self._talk.near.url, leaf, legs.application_uri, options.client_security)

    def knowing(self, flight: UaFlight, then: Callable[[int], None], now: int) -> None:
        """Go on once the device's endpoints are known: CreateSession may answer with less of them (P4 §5.6.2)."""
        guard = self._guard
        if guard.device_endpoints and now < guard.endpoints_at + MINUTE:
            then(now)
            return
        header = RequestHeader(timestamp=self._services.ticks(now), handle=1)
        body = build_request(header, GetEndpointsRequest(guard.device_url, None, None))

        def answered(raw: bytes, later: int) -> None:
            if not self._services.is_under_way(flight):
                return
            found = parse_response(raw).body
            if isinstance(found, GetEndpointsResponse) and found.endpoints:
                self._note_change(found.endpoints, later)
                guard.device_endpoints, guard.endpoints_at = found.endpoints, later
                then(later)
            else:
                self._services.refuse(flight, STATUS["BadUnknownResponse"], "device-endpoints", later)

        why = self._talk.own_request(body, answered, now)
        if why is not None:
            self._services.refuse(flight, why.reply or STATUS["BadCommunicationError"], why.code, now, why.text)

    def _note_change(self, found: tuple[EndpointDescription, ...], now: int) -> None:
        """Say so where the device offers something else than before: a weaker policy may be somebody's doing."""
        former = self._guard.device_endpoints
        if not former or found == former:
            return
        gone, new = _words(former) - _words(found), _words(found) - _words(former)
        text = f"the device's endpoints have changed; new: {_listed(new)}; gone: {_listed(gone)}"
        guard = self._guard
        record = guard.record(RecordKind.FINDING, Severity.MEDIUM, text, now)
        guard.run.put(replace(record, layer="policy", facts={"code": "device-endpoints"}))

    def tell_endpoints(self, flight: UaFlight, now: int) -> None:
        """Answer GetEndpoints."""
        found = endpoints(self._guard.device_endpoints, self._guard.options.server_security, self.face)
        self._services.good(flight, GetEndpointsResponse(found), now)

    def tell_servers(self, flight: UaFlight, now: int) -> None:
        """Answer FindServers."""
        guard = self._guard

        def then(response: Response, later: int) -> None:
            body = response.body
            assert isinstance(body, FindServersResponse)  # noqa: S101 - its number was compared
            model = chosen(guard.device_endpoints, guard.options.server_security)
            uri = model.server.uri if model is not None else None
            found = body.servers or ()
            own = uri or (found[0].uri if len(found) == 1 else None)
            self._services.good(flight, FindServersResponse(servers(found, own or "", self.face)), later)

        self._services.exchange(flight, FindServersRequest(guard.device_url, None, None), then, now)
