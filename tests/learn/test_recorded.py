from itertools import pairwise

from icsguard.core.transaction import Outcome
from icsguard.lab import registers as at
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.recorded import record, rows
from icsguard.protocols.modbus import build
from icsguard.twin.grid import NEVER


def _names(found):
    return {point.name: ways for point, ways in zip(found.points, found.ways, strict=True)}


def test_what_is_polled_has_its_period():
    found = record(OfflineCell(1).run(10, None), cell_points())
    assert abs(_names(found)["level_1"].period_ns - 125_000_000) < 5_000_000
    assert found.clients == {"127.0.1.1": 80 * 4}
    assert 30 <= found.peak_rate <= 40


def test_writes_are_kept_with_what_was_there_before():
    cell = OfflineCell(1)
    traffic = cell.run(1, None)
    traffic.append(cell.ask(build.write_register(at.SETPOINT_1, 2100)))
    ways = _names(record(traffic, cell_points()))["setpoint_1"]
    assert [("127.0.1.1", 2.1, 2.0)] == [(client, value, before) for _, client, value, before in ways.writes]
    assert len(ways.moves) == 1


def test_a_point_that_changes_by_itself_is_known_for_it():
    cell = OfflineCell(1)
    traffic = cell.run(1, None)
    cell.program.registers.holding[at.SETPOINT_1] = 1900
    traffic += cell.run(1, None)
    assert _names(record(traffic, cell_points()))["setpoint_1"].own_changes == 1


def test_refused_writes_teach_nothing():
    cell = OfflineCell(1)
    traffic = [*cell.run(1, None), cell.ask(build.write_register(at.SETPOINT_1, 9000), outcome=Outcome.REFUSED)]
    assert _names(record(traffic, cell_points()))["setpoint_1"].writes == []


def test_rows_stand_at_equal_steps_and_a_pause_is_a_gap():
    cell = OfflineCell(1)
    traffic = cell.run(10, None)
    cell.now += 60 * 10**9
    traffic += cell.run(10, None)
    found = rows(record(traffic, cell_points()), 12.0)
    assert len(found.runs) == 2
    assert found.step_ns == 200_000_000
    assert {found.step_ns} == {b - a for times in found.times for a, b in pairwise(times)}
    assert all(fresh >= 3 * found.step_ns for fresh in found.fresh_ns)


def test_a_point_that_is_only_written_never_grows_stale():
    cell = OfflineCell(1)
    traffic = [one for one in cell.run(5) if one.request[7] != 1]  # nobody reads the coils
    found = record(traffic, cell_points())
    grid = rows(found, 12.0)
    for index, fresh in zip(grid.columns, grid.fresh_ns, strict=True):
        if found.points[index].name == "auto_1":
            assert fresh == NEVER


def test_the_order_of_the_list_does_not_matter():
    traffic = OfflineCell(1).run(5)
    assert record(traffic, cell_points()).digest == record(traffic[::-1], cell_points()).digest
