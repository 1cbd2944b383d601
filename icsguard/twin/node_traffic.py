"""OPC UA as the twin takes it: what was read, published and written of nodes, as rows of an imagined register map.

Image, twin, habits of writing and flows know one form of traffic. This follows the sessions of a device (aliases,
subscriptions, namespaces) over the mirrored message bodies and writes each row anew with the points that it touched, in
the places that `config.node_places` gave them. A Publish speaks of all points of its subscription: what it leaves out
has not changed. A row that touches no point stays a row, so that rates, refusals and
searches of a client still count. Values of bad quality never become observations; uncertain ones do. A call is a write
of the points that its method is declared to set; of other methods only their server knows what they move, and the twin
says nothing of them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from struct import pack
from typing import Final, NamedTuple

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.live import PointState
from icsguard.core.meaning import VALUE_ATTRIBUTE, Intent, Meaning, NodeChange, Table
from icsguard.core.method import Brought, Methods
from icsguard.core.point import Point
from icsguard.core.registers import words_of
from icsguard.core.transaction import Opinion, Outcome, Question, Transaction
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.bits import packed
from icsguard.protocols.opcua.meaning import Names, Observed, meaning, number_of, observations, published
from icsguard.protocols.opcua.messages_attribute import CallResponse
from icsguard.protocols.opcua.messages_subscription import (
    DeleteMonitoredItemsRequest,
    DeleteSubscriptionsRequest,
    ModifyMonitoredItemsRequest,
    PublishResponse,
    RepublishRequest,
    RepublishResponse,
    SetMonitoringModeRequest,
    SetPublishingModeRequest,
)
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import SERVICES, Request, Response, parse_request, parse_response, peek
from icsguard.protocols.opcua.sessions import Sessions
from icsguard.twin.sightings import SKEW_NS, Sightings, Skew

MAX_REGISTERS: Final = 120  # registers of one row: thirty values of four, below the 125 of Modbus AP V1.1b3 §6.3
MAX_BITS: Final = 1_920  # likewise of coils, below 2000
MAX_HELD: Final = 256  # subscriptions whose silence is understood; of more only changes are
REFRESH_NS: Final = SECOND
"""So often a subscription's silence counts as a word on all its points."""
NOWHERE: Final = 255
"""Unit of rows that touch no point; the map leaves it out."""
_BAD: Final = 0x80000000
_READS: Final = {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}
_WRITABLE: Final = frozenset({Table.COIL, Table.HOLDING})
_WRITE: Final = 673
_CALL: Final = 712
_CHANGES: Final = frozenset({_WRITE, _CALL})
_NO_METHODS: Final = Methods()
_ANSWERED: Final = frozenset({Outcome.ANSWERED, Outcome.EXCEPTION})


class Value(NamedTuple):
    """A point with the words that its value has in the map."""

    point: Point
    words: tuple[int, ...]


class Run(NamedTuple):
    """Values that lie one after the other."""

    unit: int
    table: Table
    first: int
    words: tuple[int, ...]


class NodeTraffic:
    """One conduit of OPC UA as the shadow follows it."""

    __slots__ = ("_held", "_methods", "_nodes", "_points", "_sessions", "_shift", "sightings", "unmapped")

    def __init__(self, points: Iterable[Point], methods: Methods = _NO_METHODS, skew_ns: int = SKEW_NS) -> None:
        self.sightings = Sightings(skew_ns)
        self._adopt(points, methods)
        self._sessions = Sessions()
        self._shift = 0
        self._held: dict[int, _Held] = {}
        """Last values of each subscription: what it does not publish has not changed."""
        self.unmapped = 0
        """Published values whose subscription was not seen to begin."""

    def adopt(self, points: Iterable[Point], methods: Methods = _NO_METHODS) -> None:
        """Serve another list of points; what is known of sessions stays."""
        self._adopt(points, methods)
        self._held.clear()

    def _adopt(self, points: Iterable[Point], methods: Methods) -> None:
        self._points = {point.node: point for point in points if point.node}
        self._nodes = {point.name: node for node, point in self._points.items()}
        self._methods = methods
        self.sightings.keep_only(self._nodes)

    def rows(self, transaction: Transaction, shift: int = 0) -> list[Transaction]:
        """Return the rows of the map that one transaction is, at least one. `shift`: wall minus steady clock, ns."""
        self._shift = shift
        if not transaction.request:
            return [_empty(transaction, 0)]
        number = peek(transaction.request)
        if transaction.outcome == Outcome.UNKNOWN and number in _CHANGES:
            runs = _runs(self._wanted(parse_request(transaction.request)))
            return [_written(transaction, run, known=False) for run in runs] or [_empty(transaction, number)]
        if transaction.outcome not in _ANSWERED or not transaction.response:
            return [_empty(transaction, number)]
        request, response = parse_request(transaction.request), parse_response(transaction.response)
        found = self._observed(request, response)
        self._sessions.met(request.header.token)
        self._sessions.answered(request, response)
        self._sight(found, response, transaction.response_at)
        good = [value for one in found if (value := self._value(one)) is not None]
        good += self._called(request, response)
        good = self._kept(request, response, good, transaction.response_at)
        writes = number in _CHANGES
        made = [
            _written(transaction, run, known=True) if writes and run.table in _WRITABLE else _read(transaction, run)
            for run in _runs(good)
        ]
        return made or [_empty(transaction, number)]

    def questions(self, question: Question) -> list[Question]:
        """Return a Write or Call as questions on the map, one for each run of points; none where it touches none."""
        runs = _runs(self._wanted(parse_request(question.request)))
        return [question._replace(request=build.adu(0, run.unit, _write_of(run))) for run in runs]

    def _observed(self, request: Request, response: Response) -> list[Observed]:
        names = self._names(request)
        body = response.body
        if response.fault or not isinstance(body, PublishResponse | RepublishResponse):
            return observations(request, response, names)
        again = request.body.subscription if isinstance(request.body, RepublishRequest) else None
        number = body.subscription if isinstance(body, PublishResponse) else again
        values, unmapped, _ = self._sessions.subscriptions.notified(number or 0, body.message)
        self.unmapped += unmapped
        found = published(values, names)
        return found if again is None else [one for one in found if self._is_news(one)]

    def _is_news(self, one: Observed) -> bool:
        """Say whether a value that is published again is younger than what is known: most were overtaken meanwhile."""
        point = self._points.get(one.node)
        return point is not None and self.sightings.is_younger(point.name, one.value, self._shift)

    def _kept(self, request: Request, response: Response, good: list[Value], now: int) -> list[Value]:
        """Add to published values those that did not change, at most once a second; forget what may not hold."""
        body = response.body
        if isinstance(body, PublishResponse) and not response.fault:
            known = self._sessions.subscriptions
            if not known.knows(body.subscription):
                self._held.pop(body.subscription, None)
                return good
            if len(self._held) >= MAX_HELD:
                self._held = {number: held for number, held in self._held.items() if known.knows(number)}
            if body.subscription not in self._held and len(self._held) >= MAX_HELD:
                return good
            return self._held.setdefault(body.subscription, _Held()).published(good, now)
        # Items that were changed, switched off or deleted: what holds of them still is published again.
        match request.body:
            case (
                ModifyMonitoredItemsRequest(subscription=number)
                | SetMonitoringModeRequest(subscription=number)
                | DeleteMonitoredItemsRequest(subscription=number)
            ):
                self._held.pop(number, None)
            case SetPublishingModeRequest(subscriptions=numbers) | DeleteSubscriptionsRequest(subscriptions=numbers):
                for number in numbers or ():
                    self._held.pop(number, None)
            case _:
                pass
        return good

    def _names(self, request: Request) -> Names:
        session = self._sessions.of(request.header.token)
        return Names(self._sessions.namespaces, session.aliases if session else dict[NodeId, NodeId]())

    def _sight(self, found: list[Observed], response: Response, arrived: int) -> None:
        """Keep status and time of each point's word, whatever its quality."""
        self.sightings.heard(response.header.timestamp, arrived, self._shift)
        for one in found:
            point = self._points.get(one.node)
            if point is not None and one.attribute == VALUE_ATTRIBUTE and not one.index_range:
                self.sightings.saw(point.name, one.value, arrived, self._shift)

    def _value(self, one: Observed) -> Value | None:
        """Return the point's value in the map; None for other nodes and for what is no good number."""
        point = self._points.get(one.node)
        if point is None or one.attribute != VALUE_ATTRIBUTE or one.index_range or (one.value.status or 0) >= _BAD:
            return None
        return _placed(point, number_of(one.value))

    def _wanted(self, request: Request) -> list[Value]:
        """Return what a Write or Call would put into points, the last of two values for one point."""
        if request.number not in _CHANGES or request.defect is not None:
            return []
        asked = meaning(request, self._names(request))
        if request.number == _CALL:
            values = [self._brought(one) for _, one in self._methods.called(asked)]
        else:
            values = [self._changed(asked, change) for change in asked.node_changes]
        return list({value.point.name: value for value in values if value is not None}.values())

    def _called(self, request: Request, response: Response) -> list[Value]:
        """Return what the calls that the server said Good to have put into points."""
        body = response.body
        if request.number != _CALL or response.fault or not isinstance(body, CallResponse):
            return []
        results = body.results or ()
        called = self._methods.called(meaning(request, self._names(request)))
        done = (self._brought(one) for place, one in called if place < len(results) and not results[place].status >> 31)
        return [value for value in done if value is not None]

    def _brought(self, one: Brought) -> Value | None:
        """Return what a call brings to a point, None where it is no number or no point that can be written."""
        point = self._points.get(self._nodes.get(one.effect.point, ""))
        values = one.change.values if one.change is not None else ()
        if point is None or point.table not in _WRITABLE or len(values) != 1 or isinstance(values[0], str):
            return None
        return _placed(point, values[0])

    def _changed(self, asked: Meaning, change: NodeChange) -> Value | None:
        access = asked.nodes[change.place]
        point = self._points.get(access.node)
        whole = access.attribute == VALUE_ATTRIBUTE and not access.index_range and len(change.values) == 1
        number = change.values[0] if whole else None
        if point is None or point.table not in _WRITABLE or isinstance(number, str):
            return None
        return _placed(point, number)


class _Held:
    """The last value of each point that one subscription reports."""

    __slots__ = ("_values", "refreshed_at")

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}
        """By point; bounded by the list of points."""
        self.refreshed_at = 0

    def published(self, good: list[Value], now: int) -> list[Value]:
        """Return what holds now: the published values, and once in a while all the others too."""
        self._values |= {value.point.name: value for value in good}
        if now - self.refreshed_at < REFRESH_NS:
            return good
        self.refreshed_at = now
        return list(self._values.values())


class Followed(NamedTuple):
    """What is to be known of one conduit of OPC UA."""

    points: Sequence[Point]
    methods: Methods
    skew_ns: int = SKEW_NS


class NodeTraffics:
    """All conduits of a gateway: rows of those that speak OPC UA are written anew, others pass as they are."""

    def __init__(self) -> None:
        self._of: dict[str, NodeTraffic] = {}

    def adopt(self, conduits: dict[str, Followed]) -> None:
        """Follow these conduits of OPC UA."""
        for name in self._of.keys() - conduits.keys():
            del self._of[name]
        for name, (points, methods, skew_ns) in conduits.items():
            known = self._of.get(name)
            if known is None:
                self._of[name] = NodeTraffic(points, methods, skew_ns)
            else:
                known.adopt(points, methods)
                known.sightings.tolerance_ns = skew_ns

    def rows(self, transactions: Sequence[Transaction], shift: int = 0) -> Sequence[Transaction]:
        """Return the transactions as the twin takes them. `shift`: wall minus steady clock, ns."""
        if not self._of:
            return transactions
        made: list[Transaction] = []
        for one in transactions:
            traffic = self._of.get(one.conduit)
            made += [one] if traffic is None else traffic.rows(one, shift)
        return made

    def skews(self) -> list[tuple[str, Skew, int]]:
        """Return the clocks that are worth telling now: conduit, skew, and how much is permitted."""
        found = ((name, one.sightings.skew(), one.sightings.tolerance_ns) for name, one in self._of.items())
        return [(name, skew, permitted) for name, skew, permitted in found if skew is not None]

    def qualified(self, states: Iterable[PointState], now: int) -> list[PointState]:
        """Return the states of points with what their servers say of them."""
        following = self._of
        return [
            following[state.conduit].sightings.qualified(state, now) if state.conduit in following else state
            for state in states
        ]

    def questions(self, question: Question) -> list[Question]:
        """Return the questions that the twin is asked for one."""
        traffic = self._of.get(question.conduit)
        return [question] if traffic is None else traffic.questions(question)


def worst(question: Question, opinions: Sequence[Opinion]) -> Opinion:
    """Return what several opinions on parts of one question say together; nothing speaks against a question of none."""
    if len(opinions) == 1:
        return opinions[0]
    findings = tuple(finding for opinion in opinions for finding in opinion.findings)
    decision = max((opinion.decision for opinion in opinions), default=Decision.ALLOW)
    return Opinion(question.number, decision, findings, opinions[0].model_digest if opinions else "")


def _placed(point: Point, number: object) -> Value | None:
    if not isinstance(number, int | float):
        return None
    try:
        return Value(point, words_of(point, float(number)))
    except (ValueError, OverflowError):
        return None


def _runs(values: Iterable[Value]) -> list[Run]:
    """Join values that lie one after the other; of two for one point the later."""
    last = {(v.point.unit_id, v.point.table, v.point.address): v for v in values}
    runs: list[Run] = []
    for (unit, table, address), value in sorted(last.items()):
        room = MAX_BITS if table.is_bits else MAX_REGISTERS
        if runs:
            run = runs[-1]
            follows = (run.unit, run.table, run.first + len(run.words)) == (unit, table, address)
            if follows and len(run.words) + len(value.words) <= room:
                runs[-1] = run._replace(words=run.words + value.words)
                continue
        runs.append(Run(unit, table, address, value.words))
    return runs


def _read(transaction: Transaction, run: Run) -> Transaction:
    function = _READS[run.table]
    data = packed(run.words) if run.table.is_bits else pack(f">{len(run.words)}H", *run.words)
    answer = bytes((function, len(data))) + data
    return transaction._replace(
        request=build.adu(0, run.unit, build.read(function, run.first, len(run.words))),
        response=build.adu(0, run.unit, answer),
        outcome=int(Outcome.ANSWERED),
    )


def _written(transaction: Transaction, run: Run, *, known: bool) -> Transaction:
    pdu = _write_of(run)
    answer = build.adu(0, run.unit, pdu[:5]) if known else b""
    outcome = Outcome.ANSWERED if known else Outcome.UNKNOWN
    return transaction._replace(request=build.adu(0, run.unit, pdu), response=answer, outcome=int(outcome))


def _write_of(run: Run) -> bytes:
    write = build.write_coils if run.table is Table.COIL else build.write_registers
    return write(run.first, run.words)


def _empty(transaction: Transaction, number: int) -> Transaction:
    """Return a row that touches no point; its address tells different requests apart, for those who count searches."""
    law = SERVICES.get(number)
    mark = zlib.crc32(transaction.request[-64:]) & 0xFFFF
    changes = law is None or law.intent in {Intent.WRITE, Intent.EXECUTE, Intent.ADMINISTER}
    pdu = build.write_register(mark, 0) if changes else build.read(3, mark, 1)
    outcome = int(Outcome.NO_ANSWER_DUE) if transaction.outcome == Outcome.ANSWERED else transaction.outcome
    return transaction._replace(request=build.adu(0, NOWHERE, pdu), response=b"", outcome=outcome)
