"""Traffic becomes a proposal: rules with the evidence for each, a point list, and a list for a human to review.

Reads that a client keeps making are proposed as they are. A write is proposed only where it is a habit; everything that
was rare, that is neither read nor write, or that looks like a scan goes to the review list and stays forbidden until a
person says otherwise. The same traffic gives the same proposal, byte for byte.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address, ip_network
from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Intent, Table
from icsguard.evidence.stamp import stamp
from icsguard.learn.operations import RATE, Operation, Sibling, operations, runs_of
from icsguard.learn.points import Enriched, PointBook
from icsguard.learn.seen import Element, Evidence, Habit, Seen
from icsguard.learn.traffic import Traffic, learnable
from icsguard.policy.rules import Action, ClientGroup, Policy
from icsguard.protocols.modbus.functions import intent_of, service_name
from icsguard.protocols.modbus.services import ServiceId

MAX_RUNS: Final = 64
"""Runs of addresses that one client reads of one unit; more looks like a scan, and goes to review."""
MAX_CLIENTS: Final = 256
"""Clients in one proposal; the busiest are proposed, the rest is counted."""


LEAST_OCCASION_S: Final = 5
MOST_OCCASION_S: Final = 600
_OCCASIONS: Final = 20


@dataclass(frozen=True, slots=True)
class LearnOptions:
    """How much evidence a permission needs."""

    min_reads: int = 3
    """A client's function that was seen less often goes to review."""
    min_writes: int = 3
    """A write seen less often goes to review."""
    min_occasions: int = 3
    """A write seen on fewer occasions goes to review. An occasion is one connection within `occasion_s`."""
    occasion_s: int = 0
    """0: a twentieth of the recording, at least LEAST_OCCASION_S and at most MOST_OCCASION_S."""
    margin: float = 0.1
    """Limits of points reach so far beyond the values seen, as a share of their range."""
    without: tuple[tuple[int, int], ...] = ()
    """Spans of time (ns since the epoch, end excluded) whose traffic is not learned."""


@dataclass(frozen=True, slots=True)
class ProposedRule:
    """One rule with its evidence."""

    id: str
    client: str
    """Name of the client group."""
    units: tuple[int, ...]
    functions: tuple[str, ...]
    ranges: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    rate: str = ""
    text: str = ""
    evidence: tuple[str, ...] = ()
    """Sentences for the comment above the rule."""
    action: str = ""
    """Empty for allow."""


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """What was seen but is not proposed, and why."""

    rule: ProposedRule
    """What would permit it, if a human wants it."""
    why: str
    hint: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """Everything that a learning run suggests for one conduit."""

    conduit: str
    groups: tuple[ClientGroup, ...]
    rules: tuple[ProposedRule, ...]
    review: tuple[ReviewItem, ...]
    points: tuple[Enriched, ...]
    counts: dict[str, int]
    """Of the traffic and of what was left out."""
    source: str
    since: int
    until: int
    """First and last request, ns since the epoch."""
    requests: int
    """Requests that served as examples."""
    occasion_s: int
    """How long an occasion was: the shorter, the weaker is what the number of occasions says."""


@dataclass(slots=True)
class _Desk:
    """What the makers of rules share."""

    options: LearnOptions
    seen: Seen
    book: PointBook
    names: dict[str, str]
    siblings: Sequence[Sibling] = ()
    rules: list[ProposedRule] = field(default_factory=list)
    review: list[ReviewItem] = field(default_factory=list)
    habitual: set[tuple[int, int, int]] = field(default_factory=set)
    """Unit, function and coil of every write of the present client that is a habit."""


def propose(
    traffic: Traffic,
    conduit: str,
    policy: Policy | None = None,
    options: LearnOptions | None = None,
    siblings: Sequence[Sibling] = (),
) -> Proposal:
    """Return what the traffic suggests. `policy` brings the client groups and points that already have names.

    `siblings`: conduits with policies in force; what a client may operate there tells of devices of the same kind.
    """
    options = options or LearnOptions()
    policy = policy or Policy()
    counts: Counter[str] = Counter(traffic.counts)
    examples = [one for one in learnable(traffic.transactions, counts) if not _is_left_out(one.request_at, options)]
    counts["left_out"] = sum(_is_left_out(one.request_at, options) for one in traffic.transactions)
    times = [one.request_at for one in examples]
    occasion_s = options.occasion_s or _occasion_s(times)
    seen = Seen(occasion_s * SECOND)
    seen.take(examples)
    names, groups = _name_clients(seen, policy.groups, counts)
    desk = _Desk(options, seen, PointBook(policy.points, seen, options.margin), names, siblings)
    for client in sorted({habit.client for habit in seen.habits} & names.keys(), key=_by_address):
        _propose_reads(desk, client)
        _propose_writes(desk, client)
        _propose_operations(desk, client)
        _review_others(desk, client)
    return Proposal(
        conduit,
        groups,
        tuple(desk.rules),
        tuple(desk.review),
        desk.book.points(),
        {name: count for name, count in sorted(counts.items()) if count},
        traffic.source,
        min(times, default=0),
        max(times, default=0),
        len(examples),
        occasion_s,
    )


def _occasion_s(times: Sequence[int]) -> int:
    """Return how long an occasion is: a short recording is cut finer, and its proposal says so."""
    share = (max(times, default=0) - min(times, default=0)) // (_OCCASIONS * SECOND)
    return min(max(share, LEAST_OCCASION_S), MOST_OCCASION_S)


def _is_left_out(at: int, options: LearnOptions) -> bool:
    return any(since <= at < until for since, until in options.without)


def _by_address(client: str) -> tuple[int, int]:
    address = ip_address(client)
    return address.version, int(address)


def _name_clients(
    seen: Seen, known: Sequence[ClientGroup], counts: Counter[str]
) -> tuple[dict[str, str], tuple[ClientGroup, ...]]:
    """Return the group of each client: its name in the policy where it has one, else one from its address."""
    asked: Counter[str] = Counter()
    for habit, evidence in seen.habits.items():
        asked[habit.client] += evidence.count
    busiest = sorted(asked, key=lambda client: (-asked[client], _by_address(client)))
    counts["clients_not_proposed"] = len(busiest[MAX_CLIENTS:])
    names: dict[str, str] = {}
    groups: dict[str, ClientGroup] = {}
    for client in sorted(busiest[:MAX_CLIENTS], key=_by_address):
        group = next((one for one in known if _has(one, client)), None)
        group = group or ClientGroup("client-" + client.replace(".", "-").replace(":", "-"), (client,))
        names[client] = group.name
        groups[group.name] = group
    return names, tuple(groups[name] for name in sorted(groups))


def _has(group: ClientGroup, client: str) -> bool:
    return any(ip_address(client) in ip_network(network, strict=False) for network in group.networks)


def _habits(desk: _Desk, client: str) -> list[tuple[Habit, Evidence]]:
    return sorted((habit, evidence) for habit, evidence in desk.seen.habits.items() if habit.client == client)


def _propose_reads(desk: _Desk, client: str) -> None:
    """One rule for each unit and kind of read: with addresses, and without (identification, counters)."""
    by_unit: dict[tuple[int, bool], list[tuple[Habit, Evidence]]] = {}
    for habit, evidence in _habits(desk, client):
        if intent_of(habit.function, habit.sub) is Intent.READ and not desk.seen.files[habit]:
            by_unit.setdefault((habit.unit, habit in desk.seen.reads), []).append((habit, evidence))
    for (unit, has_addresses), habits in sorted(by_unit.items()):
        elements = {element for habit, _ in habits for element in desk.seen.reads.get(habit, ())}
        ranges = _ranges(elements)
        rule = ProposedRule(
            _rule_id("read" if has_addresses else "query", desk.names[client], unit),
            desk.names[client],
            (unit,),
            tuple(_service(habit) for habit, _ in habits),
            ranges,
            text=f"{'Reads' if has_addresses else 'Queries'} of {client} at unit {unit}",
            evidence=tuple(f"{_what(habit)}: {said(evidence)}" for habit, evidence in habits),
        )
        count = sum(evidence.count for _, evidence in habits)
        if count < desk.options.min_reads:
            why = f"seen {count} times, {desk.options.min_reads} are needed"
            desk.review.append(
                ReviewItem(rule, why, "a new client? a person with a laptop? add it or leave it refused")
            )
        elif len(ranges) > MAX_RUNS:
            rule = _shortened(rule)
            why = f"{len(ranges)} scattered runs of addresses: this looks like a scan"
            desk.review.append(ReviewItem(rule, why, "find out what runs there before permitting it"))
        else:
            desk.rules.append(rule)


def _propose_writes(desk: _Desk, client: str) -> None:
    """One rule for each unit and writing function; each written point must be a habit of its own."""
    by_habit: dict[Habit, list[tuple[Element, Evidence]]] = {}
    for (habit, element), evidence in desk.seen.writes.items():
        if habit.client == client:
            by_habit.setdefault(habit, []).append((element, evidence))
    for habit, elements in sorted(by_habit.items()):
        if _reads_elsewhere(desk, habit, elements):
            continue
        good: dict[str, list[tuple[Element, Evidence]]] = {}
        rare: dict[str, list[tuple[Element, Evidence]]] = {}
        for element, evidence in sorted(elements, key=lambda one: one[0]):
            name = desk.book.name_of(element)
            (rare if _why_rare(evidence, desk.options) else good).setdefault(name, []).append((element, evidence))
        for name in [name for name in good if name in rare]:
            rare[name] += good.pop(name)  # half of a value is a habit, the other is not: nobody knows what that is
        if good:
            desk.rules.append(_write_rule(desk, habit, good))
            coils = [one for several in good.values() for one, _ in several if one.table is Table.COIL]
            desk.habitual |= {(habit.unit, habit.function, one.address) for one in coils}
        _review_rare(desk, habit, rare)


def _propose_operations(desk: _Desk, client: str) -> None:
    """One rule with an alert for each unit and function: see `learn.operations`."""
    habitual, desk.habitual = frozenset(desk.habitual), set()
    found: dict[tuple[int, int], list[Operation]] = {}
    for one in operations(desk.seen, client, habitual, desk.options.min_occasions, desk.siblings):
        found.setdefault((one.unit, one.function), []).append(one)
    for (unit, function), several in sorted(found.items()):
        rule = ProposedRule(
            _rule_id("operate", desk.names[client], unit, f"-fc{function}"),
            desk.names[client],
            (unit,),
            (str(function),),
            _ranges((Table.COIL, coil) for one in several for coil in one.coils),
            rate=RATE,
            text=f"Operations of {client} at unit {unit} that are rare",
            evidence=tuple(sentence for one in several for sentence in one.why),
            action=Action.ALERT.value,
        )
        desk.rules.append(rule)


def _review_rare(desk: _Desk, habit: Habit, rare: dict[str, list[tuple[Element, Evidence]]]) -> None:
    """Put what was rare on the review list, one entry for all that is rare in the same way."""
    by_why: dict[str, dict[str, list[tuple[Element, Evidence]]]] = {}
    for name, several in rare.items():
        why = next(said for _, evidence in several if (said := _why_rare(evidence, desk.options)))
        by_why.setdefault(why, {})[name] = several
    hint = "maintenance? give a grant with an end; operation? move the rule up"
    for number, (why, points) in enumerate(sorted(by_why.items()), 1):
        desk.review.append(ReviewItem(_write_rule(desk, habit, points, suffix=f"-review{number}"), why, hint))


def _reads_elsewhere(desk: _Desk, habit: Habit, elements: list[tuple[Element, Evidence]]) -> bool:
    """Put function 23 on the review list where it reads what it does not write.

    A rule that permits its reads permits its writes to the same addresses: that is wider than what was seen.
    """
    written = {(element.table, element.address) for element, _ in elements}
    if not desk.seen.reads.get(habit, set()) - written:
        return False
    points: dict[str, list[tuple[Element, Evidence]]] = {}
    for element, evidence in sorted(elements, key=lambda one: one[0]):
        points.setdefault(desk.book.name_of(element), []).append((element, evidence))
    why = "function 23 reads and writes at once: a rule that permits what it reads also permits it to write there"
    rule = replace(_write_rule(desk, habit, points), ranges=_ranges(desk.seen.reads[habit]))
    desk.review.append(ReviewItem(rule, why, "accept that, or have the client use functions 3 and 16"))
    return True


def _write_rule(
    desk: _Desk, habit: Habit, points: dict[str, list[tuple[Element, Evidence]]], suffix: str = ""
) -> ProposedRule:
    client = desk.names[habit.client]
    evidence = tuple(
        f"{name}: {said(several[0][1])}{desk.book.written(name)}" for name, several in sorted(points.items())
    )
    peak = desk.seen.habits[habit].per_minute  # of requests: one of them may write several points, or each another
    return ProposedRule(
        _rule_id("write", client, habit.unit, f"-fc{habit.function}{suffix}"),
        client,
        (habit.unit,),
        (_service(habit),),
        (),
        tuple(sorted(points)),
        f"{max(2 * peak, 6)}/min",
        f"Writes of {habit.client} at unit {habit.unit} with function {_service(habit)}",
        evidence,
    )


def _why_rare(evidence: Evidence, options: LearnOptions) -> str:
    if evidence.count < options.min_writes:
        return f"seen {evidence.count} times, {options.min_writes} are needed"
    if len(evidence.occasions) < options.min_occasions:
        return f"seen on {len(evidence.occasions)} occasions, {options.min_occasions} are needed"
    return ""


def _review_others(desk: _Desk, client: str) -> None:
    """What is neither a plain read nor a write of elements is never proposed, however often it was seen."""
    written = {habit for habit, _ in desk.seen.writes}
    for habit, evidence in _habits(desk, client):
        is_plain_read = intent_of(habit.function, habit.sub) is Intent.READ and not desk.seen.files[habit]
        if is_plain_read or habit in written:
            continue
        name = desk.names[client]
        rule = ProposedRule(
            _rule_id("special", name, habit.unit, f"-fc{_service(habit).replace('/', '-')}"),
            name,
            (habit.unit,),
            (_service(habit),),
            text=f"{_what(habit)} of {client} at unit {habit.unit}",
            evidence=(f"{_what(habit)}: {said(evidence)}",),
        )
        why = "it programs, restarts or changes the device in a way that addresses and limits do not bound"
        desk.review.append(ReviewItem(rule, why, "maintenance: give a grant with an end"))


def _rule_id(kind: str, client: str, unit: int, suffix: str = "") -> str:
    """Return a rule's name: at most 64 letters, digits, dots, dashes and underscores."""
    return f"{kind}-{client.removeprefix('client-')}-u{unit}{suffix}".replace(":", "-").replace("/", "-")[:64]


def _shortened(rule: ProposedRule) -> ProposedRule:
    kept = rule.ranges[:MAX_RUNS]
    evidence = (*rule.evidence, f"only the first {MAX_RUNS} of {len(rule.ranges)} runs are listed")
    return ProposedRule(rule.id, rule.client, rule.units, rule.functions, kept, text=rule.text, evidence=evidence)


def _service(habit: Habit) -> str:
    return str(habit.function) if habit.sub < 0 else f"{habit.function}/{habit.sub}"


def _what(habit: Habit) -> str:
    return f"function {_service(habit)} ({service_name(ServiceId(habit.function, habit.sub))})"


def said(evidence: Evidence) -> str:
    """Return evidence as a part of a sentence."""
    occasions = len(evidence.occasions)
    return (
        f"{evidence.count} times on {occasions} occasion{'s' * (occasions != 1)}, {_moment(evidence.first)} to "
        f"{_moment(evidence.last)}, at most {evidence.peak} in a minute"
    )


def _moment(at: int) -> str:
    return stamp(at)[:19].replace("T", " ") + "Z"


def _ranges(elements: Iterable[tuple[Table, int]]) -> tuple[str, ...]:
    """Return runs of addresses in policy notation, in order of table and address."""
    return tuple(_run(table, span) for table, span in runs_of(elements))


def _run(table: Table, span: AddressRange) -> str:
    return f"{table.word} {span.first}" if span.first == span.last else f"{table.word} {span.first}..{span.last}"
