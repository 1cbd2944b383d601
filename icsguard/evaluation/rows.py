"""The 25 attacks of the facts in one table: where each is measured, on what, and what came of it there.

Some belong to a plant, some to Modbus traffic alone, some to OPC UA or to no traffic that passes here. A row that this
evaluation does not measure says where it is tested instead, or that it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from icsguard.evaluation import conduct, disturbances, poison
from icsguard.evaluation.captures import Judged
from icsguard.evaluation.metrics import Tally, interval
from icsguard.evaluation.plant_result import PlantResult
from icsguard.evaluation.tables import Cell, Row, Table

PLANT: Final = "a plant's process"
TRAFFIC: Final = "Modbus traffic"
OPCUA: Final = "OPC UA"
NEITHER: Final = "neither"


class Attack(NamedTuple):
    """One row of the facts."""

    number: int
    name: str
    applies_to: str
    table: str
    """Name of the table that measures it; else where it is tested instead."""


ATTACKS: Final = (
    Attack(1, "scan", TRAFFIC, "conduct"),
    Attack(2, "rogue client", TRAFFIC, "conduct"),
    Attack(3, "unauthorised write by a known client", PLANT, "commands"),
    Attack(4, "set-point jump, unsafe combination, toggling", PLANT, "commands"),
    Attack(5, "slow set-point ramp", PLANT, "commands"),
    Attack(6, "brute-force I/O", TRAFFIC, "conduct"),
    Attack(7, "false telemetry: bias, scale, ramp", PLANT, "telemetry"),
    Attack(8, "frozen sensor", PLANT, "telemetry"),
    Attack(9, "replay", PLANT, "telemetry"),
    Attack(10, "man in the middle", PLANT, "disturbances"),
    Attack(11, "blocked or delayed command or report", PLANT, "disturbances"),
    Attack(12, "flooding", TRAFFIC, "disturbances"),
    Attack(13, "exhaustion of slots", TRAFFIC, "exhaustion"),
    Attack(14, "malformed", TRAFFIC, "conduct"),
    Attack(15, "diagnostics", TRAFFIC, "conduct"),
    Attack(16, "programming, firmware", TRAFFIC, "conduct"),
    Attack(17, "INCONTROLLER on OPC UA", OPCUA, "opcua"),
    Attack(18, "downgrade, weak trust", OPCUA, "opcua"),
    Attack(19, "alarm suppression", OPCUA, "not here: tests/conversation/opcua"),
    Attack(20, "change to a safety controller", TRAFFIC, "conduct"),
    Attack(21, "firmware downgrade, loss of view", NEITHER, "not here: polls that stop are row 11"),
    Attack(22, "covert channel", TRAFFIC, "lemay: not detected"),
    Attack(23, "poisoning of what is learnt", PLANT, "poison"),
    Attack(24, "concealment", PLANT, "spoofs"),
    Attack(25, "fragmentation, pipelining, id reuse", TRAFFIC, "conduct"),
)


def table(plants: Sequence[PlantResult], tables: Sequence[Table], captures: Mapping[str, Sequence[Judged]]) -> Table:
    """Return the table of all rows."""
    measured = _measured(plants, tables, captures)
    return Table(
        "rows",
        "The 25 attacks: where each is measured",
        tuple(_row(attack, measured.get(attack.number, Tally())) for attack in ATTACKS),
        ("Stopped (1 to 6, 13 to 16, 20, 25), found (7 to 12, 24) or found after poisoned learning (23).",),
    )


def _row(attack: Attack, tally: Tally) -> Row:
    low, high = interval(tally.hits, tally.count)
    cells: dict[str, Cell] = {
        "row": attack.number,
        "attack": attack.name,
        "applies to": attack.applies_to,
        "table": attack.table,
        "tried": tally.count or None,
        "stopped or found": tally.hits if tally.count else None,
        "share": tally.recall,
        "95 % interval": f"{low:.3f}-{high:.3f}" if tally.count else "",
    }
    return cells


def _measured(
    plants: Sequence[PlantResult], tables: Sequence[Table], captures: Mapping[str, Sequence[Judged]]
) -> dict[int, Tally]:
    found: dict[int, Tally] = {}
    for one in plants:
        for number, tally in _of_plant(one):
            _add(found, number, tally)
    for name, judged in captures.items():
        for capture in judged if name == "lemay" else ():
            _add(found, 1, Tally(capture.attacks, capture.attacks - capture.reached))
    for made in tables:
        for row in made.rows:
            if made.name == "exhaustion":
                _add(found, 13, Tally(_count(row["attacks"]), _count(row["found"])))
            elif made.name == "opcua":
                _add(found, _count(row["row"]), Tally(_count(row["attacks"]), _count(row["stopped"])))
            elif made.name == "poison" and row["taught with"] == poison.TRIMMED:
                count, recall = _count(row["attacks"]), row["recall"]
                _add(found, 23, Tally(count, round(count * float(recall or 0.0))))
    return found


def _of_plant(one: PlantResult) -> Iterable[tuple[int, Tally]]:
    for kind, tally in one.conduct.kinds.items():
        for number in conduct.KINDS[kind][0].split(", "):
            yield int(number), tally
    for kind, tally in one.disturbances.items():
        for number in disturbances.KINDS[kind][0].split(", "):
            yield int(number), tally
    tried = one.commands
    yield from ((3, tried.switches), (4, tried.jumps), (4, tried.toggles), (5, tried.ramps))
    for lie, row in (("bias", 7), ("scale", 7), ("ramp", 7), ("frozen", 8), ("replay", 9)):
        yield row, one.lies.get(lie, Tally())
    for tally in one.spoofs.values():
        yield 24, tally


def _add(found: dict[int, Tally], number: int, tally: Tally) -> None:
    before = found.get(number, Tally())
    found[number] = Tally(before.count + tally.count, before.hits + tally.hits)


def _count(cell: Cell) -> int:
    return int(cell or 0)
