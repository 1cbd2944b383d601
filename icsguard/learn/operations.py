"""From the few operations that learning saw to the neighbours that an operator may need tomorrow: with an alert.

People operate outputs rarely. A week in which a valve was opened once does not show the one beside it, and refusing the
operator's hand is worse than looking twice. So a client that polls a small block of coils in its daily round, and that
operated one of them while learning, may operate the others: never silently, few times a minute, and tried by the twin
like every write. The same holds for another device that this client polls in exactly the same way: it is one of a kind.

Nothing else is generalised. Registers are not, as a number can be wrong in a thousand ways; nor is a client that never
operated anything, nor a block of more coils than a device's handful, as nothing says that they belong together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import Final, NamedTuple

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Intent, Table
from icsguard.learn.seen import Habit, Seen
from icsguard.policy.rules import Action, Policy, Rule
from icsguard.protocols.modbus.functions import intent_of

MAX_BLOCK: Final = 16  # coils polled side by side; of a longer block nothing is concluded, and nothing permitted
RATE: Final = "3/min"
"""What a hand can do. A program that tries one coil after the other is refused from the fourth on."""
OPERATING: Final = frozenset({5, 15})
"""Functions that write coils."""


class Sibling(NamedTuple):
    """Another conduit with what its policy permits."""

    name: str
    policy: Policy


class Operation(NamedTuple):
    """What may follow from operations that were seen."""

    unit: int
    function: int
    coils: tuple[int, ...]
    """Those that no habit covers."""
    why: tuple[str, ...]
    """Sentences for the comment above the rule."""


class _Kind(NamedTuple):
    """How a client polls one unit: its functions and runs of elements."""

    functions: frozenset[int]
    runs: frozenset[tuple[Table, AddressRange]]


def operations(
    seen: Seen, client: str, habitual: frozenset[tuple[int, int, int]], least: int, siblings: Sequence[Sibling]
) -> list[Operation]:
    """Return what follows for a client. `habitual`: (unit, function, coil) that are permitted already.

    `least`: so many occasions make polling a habit.
    """
    found: list[Operation] = []
    for unit in sorted({habit.unit for habit in seen.reads if habit.client == client}):
        kind = _kind(seen, client, unit, least)
        for block in sorted(span for table, span in kind.runs if table is Table.COIL):
            if block.last - block.first >= MAX_BLOCK:
                continue
            for function in sorted(OPERATING):
                why = _seen_here(seen, Habit(client, unit, function, -1), block)
                why = why or _seen_beside(client, unit, function, block, kind, siblings)
                coils = tuple(
                    coil for coil in range(block.first, block.last + 1) if (unit, function, coil) not in habitual
                )
                if why and coils:
                    found.append(Operation(unit, function, coils, (why, _told(client, block))))
    return found


def _told(client: str, block: AddressRange) -> str:
    return (
        f"GENERALISED: {client} polls coils {block.first}..{block.last} side by side; the rest of them passes with an "
        f"alert, at most {RATE}. Delete this rule, and it is refused."
    )


def _seen_here(seen: Seen, habit: Habit, block: AddressRange) -> str:
    """Say which coils of the block the habit wrote; empty for none."""
    operated = {
        element.address: evidence.count
        for (known, element), evidence in seen.writes.items()
        if known[:3] == habit[:3] and element.table is Table.COIL and block.first <= element.address <= block.last
    }
    listed = ", ".join(f"coil {address} {count} times" for address, count in sorted(operated.items()))
    return f"operated: {listed}" if listed else ""


def _seen_beside(
    client: str, unit: int, function: int, block: AddressRange, kind: _Kind, siblings: Sequence[Sibling]
) -> str:
    """Say which device of the same kind the client may operate; empty for none."""
    for sibling in siblings:
        rules = [rule for rule in sibling.policy.rules if _speaks_of(rule, sibling.policy, client, unit)]
        polled = any(_kind_of(rule) == kind for rule in rules)
        operated = any(_operates(rule, sibling.policy, function, block) for rule in rules)
        if polled and operated:
            return f"operated: coils {block.first}..{block.last} of {sibling.name}, which it polls in the same way"
    return ""


def _kind(seen: Seen, client: str, unit: int, least: int) -> _Kind:
    habits = [
        habit
        for habit in seen.reads
        if (habit.client, habit.unit) == (client, unit)
        and intent_of(habit.function, habit.sub) is Intent.READ
        and len(seen.habits[habit].occasions) >= least
    ]
    elements = {element for habit in habits for element in seen.reads[habit]}
    return _Kind(frozenset(habit.function for habit in habits), frozenset(runs_of(elements)))


def runs_of(elements: Iterable[tuple[Table, int]]) -> list[tuple[Table, AddressRange]]:
    """Return elements as runs of addresses, in order of table and address."""
    runs: list[tuple[Table, AddressRange]] = []
    for table, address in sorted(elements):
        if runs and runs[-1][0] is table and runs[-1][1].last + 1 == address:
            runs[-1] = (table, AddressRange(runs[-1][1].first, address))
        else:
            runs.append((table, AddressRange(address, address)))
    return runs


def _speaks_of(rule: Rule, policy: Policy, client: str, unit: int) -> bool:
    networks = [network for group in policy.groups if group.name in rule.clients for network in group.networks]
    named = any(ip_address(client) in ip_network(network, strict=False) for network in networks)
    return named and unit in rule.units and rule.action in {Action.ALLOW, Action.ALERT}


def _kind_of(rule: Rule) -> _Kind:
    functions = frozenset(service.function for service in rule.services)
    return _Kind(functions, frozenset((target.table, target.span) for target in rule.targets))


def _operates(rule: Rule, policy: Policy, function: int, block: AddressRange) -> bool:
    if function not in {service.function for service in rule.services}:
        return False
    coils = [target.span for target in rule.targets if target.table is Table.COIL]
    coils += [
        AddressRange(point.address, point.address)
        for point in policy.points
        if point.name in rule.points and point.table is Table.COIL
    ]
    return any(span.overlaps(block) for span in coils)
