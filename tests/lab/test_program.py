import pytest

from icsguard.lab import registers as at
from icsguard.lab.program import Program
from icsguard.lab.water import DAY_S


def run(program, plant_s):
    for _ in range(round(plant_s / 0.5)):
        program.scan(0.5)
    return program


def test_the_loops_keep_both_levels_for_a_whole_day():
    program = Program()
    for _ in range(round(DAY_S / 10.0)):
        run(program, 10.0)
        assert program.water.level_1_m == pytest.approx(2.0, abs=0.25)
        assert program.water.level_2_m == pytest.approx(2.0, abs=0.25)
    assert program.harms == ()


def test_a_set_point_moves_its_level():
    program = Program()
    program.registers.holding[at.SETPOINT_1] = 2500
    assert run(program, 120.0).water.level_1_m == pytest.approx(2.5, abs=0.2)


def test_the_same_seed_gives_the_same_plant():
    first, second = run(Program(seed=3), 60.0), run(Program(seed=3), 60.0)
    assert first.registers == second.registers
    assert first.registers != run(Program(seed=4), 60.0).registers


def test_manual_inflow_with_pump_2_stopped_overflows_tank_1():
    program = Program()
    program.registers.coils[at.AUTO_1], program.registers.coils[at.PUMP_2] = 0, 0
    program.registers.holding[at.MANUAL_SPEED_1] = 750
    run(program, 60.0)
    assert program.registers.discrete[at.HIGH_1] == 1
    assert "tank 1 overflowed" in run(program, 60.0).harms


def test_the_interlock_saves_pump_2_from_running_dry_unless_it_is_bypassed():
    def starved(control_word):
        program = Program()
        program.registers.holding[at.CONTROL_WORD] = control_word
        program.registers.coils[at.PUMP_1], program.registers.coils[at.AUTO_2] = 0, 0
        program.registers.holding[at.MANUAL_SPEED_2] = 800
        return run(program, 200.0).harms

    assert "pump 2 ran dry" not in starved(0)
    assert "pump 2 ran dry" in starved(at.BYPASS_BIT)


def test_the_emergency_stop_stops_both_pumps():
    program = Program()
    program.registers.coils[at.EMERGENCY_STOP] = 1
    run(program, 30.0)
    assert program.registers.discrete[at.PUMP_1_RUNS : at.PUMP_2_RUNS + 1] == [0, 0]


def test_a_stopped_program_turns_the_drives_off_and_says_so():
    program = Program()
    program.running = False
    run(program, 30.0)
    assert program.water.flow_in == 0.0
    assert program.harms == ("the control program is stopped",)


def test_the_alarms_follow_their_limits():
    program = Program()
    program.registers.holding[at.LIMIT_HIGH] = 1500
    run(program, 1.0)
    assert program.registers.discrete[at.HIGH_1] == 1
    assert program.registers.discrete[at.LOW_1] == 0


def test_starting_pump_2_again_and_again_burns_its_motor_for_good():
    program = Program()
    for number in range(14):
        program.registers.coils[at.PUMP_2] = number % 2
        run(program, 1.0)
    assert program.harms == ("the motor of pump 2 is burnt out",)
    program.registers.coils[at.PUMP_2] = 1
    assert run(program, 20.0).registers.discrete[at.PUMP_2_RUNS] == 0


def test_starting_pump_2_at_an_operator_s_pace_is_fine():
    program = Program()
    for number in range(14):
        program.registers.coils[at.PUMP_2] = number % 2
        run(program, 10.0)
    assert "the motor of pump 2 is burnt out" not in program.harms
