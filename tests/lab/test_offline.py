from icsguard.core.point import DataType
from icsguard.core.transaction import Outcome
from icsguard.lab import registers as at
from icsguard.lab.offline import START, OfflineCell, cell_points
from icsguard.protocols.modbus import build


def test_the_same_seed_gives_the_same_traffic():
    assert OfflineCell(3).run(2.0) == OfflineCell(3).run(2.0)


def test_time_passes_in_the_plant_ten_times_as_fast():
    cell = OfflineCell(1)
    cell.run(2.0, None)
    assert 18.0 <= cell.program.water.time_s <= 20.0
    assert cell.now >= START + 2_000_000_000


def test_a_write_reaches_the_registers():
    cell = OfflineCell(1)
    done = cell.ask(build.write_register(at.SETPOINT_1, 2100))
    assert cell.program.registers.holding[at.SETPOINT_1] == 2100
    assert done.outcome == Outcome.ANSWERED


def test_a_refused_write_does_not_reach_the_registers():
    cell = OfflineCell(1)
    done = cell.ask(build.write_register(at.SETPOINT_1, 2100), outcome=Outcome.REFUSED)
    assert cell.program.registers.holding[at.SETPOINT_1] == 2000
    assert done.response == b""


def test_the_points_are_those_of_the_point_list():
    points = {point.name: point for point in cell_points()}
    assert points["dose"].type is DataType.F32
    assert points["level_1"].safe_min < points["level_1"].safe_max
