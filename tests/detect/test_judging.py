from dataclasses import replace

from icsguard.core.decision import Decision
from icsguard.detect.guarantee import Guarantee
from icsguard.detect.judging import MAX_TOLD
from icsguard.detect.shadow import Shadow
from icsguard.lab import registers as at
from icsguard.lab.operations import level, switch
from icsguard.protocols.modbus import build


def test_a_setpoint_beyond_the_safe_range_is_at_least_held(watched, points):
    watched.run(12)
    safe = next(one.safe_max for one in points if one.name == "level_1")
    assert watched.ask(level(at.SETPOINT_1, safe + 0.3)).decision >= Decision.HOLD


def test_one_write_of_many_registers_is_judged_point_by_point(watched):
    watched.run(12)
    opinion = watched.ask(build.write_registers(at.SETPOINT_1, (65535, 65535)))
    assert {"setpoint_1", "setpoint_2"} <= {one.point for one in opinion.findings}
    assert len(opinion.findings) <= MAX_TOLD


def test_the_gravest_finding_comes_first(watched):
    watched.run(12)
    opinion = watched.ask(build.write_registers(at.SETPOINT_1, (65535, 65535)))
    grades = [one.decision for one in opinion.findings]
    assert grades == sorted(grades, reverse=True)
    assert opinion.decision is grades[0]


def test_a_twin_below_its_gate_neither_holds_nor_refuses(options, site, follow):
    """The same write in the same state, by forecasts as learnt and by the same ones trusted for a second only."""
    near = tuple(replace(one, trusted_steps=min(one.trusted_steps, 5)) for one in site.model.columns)
    opinions = []
    for model in (site.model, replace(site.model, columns=near)):
        watched = follow(Shadow(options, {"cell": replace(site, model=model)}, None))
        watched.run(12)
        opinions.append(watched.ask(switch(at.PUMP_2, on=False)))
    assert [Decision.REFUSE, Decision.ALERT] == [one.decision for one in opinions]
    assert "below its fidelity gate" in opinions[1].findings[0].text


def test_an_unusual_write_while_the_plant_is_implausible_is_held(watched):
    watched.run(12)
    watch = watched.shadow._watches["cell"]
    odd = level(at.SETPOINT_2, 1.77)
    assert watched.ask(odd).decision is Decision.ALERT
    alarm = watch.residual_alarm
    alarm.last_at = watched.cell.now
    assert watched.ask(odd).decision is Decision.ALERT  # a threshold without a guarantee behind it does not hold
    alarm.guarantee = Guarantee(replace(alarm.calibration, rank=3))
    assert watched.ask(odd).decision is Decision.HOLD
    alarm.guarantee.suspended_since = watched.cell.now
    assert watched.ask(odd).decision is Decision.ALERT


def test_an_answer_takes_a_fraction_of_the_deadline(watched):
    import time

    watched.run(12)
    times = []
    for _ in range(30):
        began = time.perf_counter()
        watched.ask(level(at.SETPOINT_1, 2.05))
        times.append(time.perf_counter() - began)
    assert sorted(times)[15] < 0.01
