"""What one connection has under way at the device, and the reads that go without being judged again."""

from __future__ import annotations

from typing import Final, Protocol

from icsguard.conversation.api import Ask
from icsguard.conversation.asking import Asking
from icsguard.conversation.opcua import enforce
from icsguard.conversation.opcua.flight import UaFlight
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.hot import READ, HotFlight, HotReads
from icsguard.conversation.opcua.observing import observe_read
from icsguard.conversation.states import Stage
from icsguard.core.clock import MS
from icsguard.core.decision import Decision, Layer
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.verdict import Reason
from icsguard.protocols.opcua.correlate import MAX_IN_FLIGHT, Correlator, Pending
from icsguard.protocols.opcua.learning import is_telling
from icsguard.protocols.opcua.meaning import meaning
from icsguard.protocols.opcua.services import parse_request
from icsguard.protocols.opcua.uacp import Frame

MAX_PATIENCE_MS: Final = 60_000  # a client's TimeoutHint is followed up to here: a method may take its time


class Wire(Protocol):
    """Where requests and answers go."""

    @property
    def can_edit(self) -> bool:
        """Say whether a request can be changed on its way."""
        ...

    @property
    def can_trim(self) -> bool:
        """Say whether what a request wishes can be changed in place: not where its chunks pass on as they came."""
        ...

    def forward(self, flight: UaFlight, now: int) -> Defect | None:
        """Hand a request to the device; return why that cannot be."""
        ...

    def answer(self, flight: UaFlight, body: bytes, frames: tuple[Frame, ...], now: int) -> None:
        """Give the client an answer; `frames` as they came from the device, where nothing in them was changed."""
        ...

    def ask(self, command: Ask) -> None:
        """Ask the shadow."""
        ...


class Flights(Asking[UaFlight]):
    """What one connection has under way, and its hot path."""

    _guard: UaGuard

    __slots__ = (
        "_client",
        "_correlator",
        "_flow",
        "_wire",
        "flying",
        "hot",
        "refused",
        "requests",
        "writes",
    )

    def __init__(self, guard: UaGuard, client: Client, flow: int, wire: Wire) -> None:
        super().__init__(guard)
        self._client = client
        self._flow = flow
        self._wire = wire
        self._correlator = Correlator()
        self.flying: dict[int, UaFlight] = {}
        """Requests that the device has, by RequestId; the correlator bounds them."""
        self.hot = HotReads()
        self.requests = 0
        self.writes = 0
        self.refused = 0

    @property
    def in_flight(self) -> int:
        """How many requests the device has."""
        return len(self.flying) + len(self.hot.flying)

    def uses(self, id_: int) -> bool:
        """Say whether a RequestId is in use."""
        return id_ in self.flying or id_ in self.hot.flying

    # The hot path.

    def known_read(self, id_: int, body: bytes, now: int) -> HotFlight | None:
        """Return a read that may go to the device as it is; then it counts as handed over."""
        hot = self.hot
        found = hot.found(self._guard, body, self._flow, now)
        if found is None or self.uses(id_) or len(hot.flying) >= self._room:
            return None
        run = self._guard.run
        run.transactions += 1
        self.requests += 1
        entry, kept = found
        entry.last_at = now
        patience = max(self._guard.conduit.device_timeout_ms, min(hot.patience(body), MAX_PATIENCE_MS))
        flight = hot.flying[id_] = HotFlight(run.transactions, body, now, now + patience * MS, entry, kept, hot.size)
        return flight

    def known_answer(self, id_: int, body: bytes, now: int) -> HotFlight | None:
        """Return the read whose good answer these bytes are; then they go to the client as they are."""
        hot = self.hot
        flight = hot.flying.pop(id_, None)
        if flight is None:
            return None
        if not hot.is_good(flight, body):
            self.cool(id_, flight)
            return None
        guard = self._guard
        request = hot.mirrored(flight, flight.entry.mask_bytes)
        address = self._client.address
        guard.run.mirror.append((flight.number, guard.name, self._flow, address, flight.at, now, request, body, 0, 0))
        guard.counters.hot += 1
        if flight.kept.is_news(body, now):
            observe_read(guard, flight.kept.request, body, now)
        return flight

    def hot_failed(self, id_: int, why: Defect, now: int) -> None:
        """A read on the hot path could not be handed over after all."""
        self.cool(id_, self.hot.flying.pop(id_))
        self._correlator.abandon(id_)
        flight = self.flying.pop(id_)
        flight.note(Reason(Layer.RESOURCES, why.code, why.text, Decision.REFUSE))
        flight.decision, flight.reply = Decision.REFUSE, why.reply or enforce.BUSY
        self.refuse(flight, now)

    def cool(self, id_: int, hot: HotFlight) -> None:
        """Treat a read on the hot path as any other from here on."""
        request = parse_request(hot.body)
        found = meaning(request, self._guard.known.names(request.header.token))
        flight = UaFlight(hot.number, id_, request, found, hot.entry, hot.at)
        flight.move(Stage.READY)
        flight.move(Stage.HANDED_OVER)
        flight.sent_at = hot.at
        self._correlator.add(Pending(hot.number, id_, hot.due, request))
        self.flying[id_] = flight

    def cool_all(self) -> None:
        """Treat all of them so."""
        flying, self.hot.flying = self.hot.flying, {}
        for id_, flight in flying.items():
            self.cool(id_, flight)

    @property
    def _room(self) -> int:
        return min(MAX_IN_FLIGHT, self._guard.nodes.limits.in_flight) - len(self.flying)

    def keep(self, flight: UaFlight, now: int) -> None:
        """Let an allowed read go unjudged the next time."""
        if flight.request.number != READ or flight.would_be is not Decision.ALLOW or flight.entry is None:
            return
        guard = self._guard
        if flight.reasons or not flight.until > now or is_telling(flight.request):
            return
        watched = any(guard.node_memory.watches(access.node) for access in flight.meaning.nodes)
        self.hot.put(guard, flight.request, flight.entry, flight.until, watched=watched)

    def refuse(self, flight: UaFlight, now: int) -> None:
        """Answer in the device's place."""
        raise NotImplementedError
