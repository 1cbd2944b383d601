import csv
import io

from icsguard.config.points_csv import read_points
from icsguard.config.problem import Findings
from icsguard.core.meaning import Table
from icsguard.core.point import DataType
from icsguard.lab import registers as at
from icsguard.lab.cell import HEADER, ROWS, points_csv
from icsguard.lab.program import Program


def rows():
    return list(csv.DictReader(io.StringIO(points_csv())))


def test_the_list_has_the_columns_of_a_points_file():
    assert points_csv().splitlines()[0] == HEADER
    assert all(None not in row for row in rows())
    assert all(None not in row.values() for row in rows())


def test_no_two_points_share_a_name_or_a_place():
    assert len({row["name"] for row in rows()}) == len(ROWS)
    assert len({(row["table"], row["address"]) for row in rows()}) == len(ROWS)


def test_the_plant_starts_inside_every_limit_and_inside_its_safe_envelope():
    registers = Program().registers
    for row in ROWS:
        value = registers.of(row.table)[row.address] * float(row.scale or 1)
        if row.type == "f32":
            value = registers.dose_mg_l
        low, high = row.low or row.safe_low, row.high or row.safe_high
        assert float(low or value) <= value <= float(high or value), row.name


def test_only_process_values_have_a_safe_envelope_and_only_commands_have_limits():
    for row in ROWS:
        measured = row.table in {Table.INPUT, Table.DISCRETE}
        assert not (measured and (row.low or row.high or row.min_interval)), row.name
        assert measured or not (row.safe_low or row.safe_high), row.name


def test_the_bypass_of_the_interlock_is_outside_the_writable_bits():
    (word,) = [row for row in ROWS if row.name == "control_word"]
    assert int(word.mask, 16) & at.BYPASS_BIT == 0


def test_the_configuration_accepts_the_list_without_a_word():
    findings = Findings()
    listed = read_points(points_csv(), "cell.points.csv", findings)
    assert findings.all() == ()
    assert [point.name for point in listed.points] == [row.name for row in ROWS]
    dose = next(point for point in listed.points if point.name == "dose")
    assert (dose.type, dose.limits.maximum, dose.atomic) == (DataType.F32, 1.5, True)
