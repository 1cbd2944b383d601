import pytest

from icsguard.core.decision import Decision, Layer, RuleState
from icsguard.core.flow import Client
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.core.verdict import Reason
from icsguard.policy.case import Case, Ground
from icsguard.protocols.modbus import build


@pytest.mark.parametrize(
    ("state", "decision"),
    [
        (RuleState.OFF, Decision.ALLOW),
        (RuleState.OBSERVE, Decision.ALLOW),
        (RuleState.ALERT, Decision.ALERT),
        (RuleState.ENFORCE, Decision.REFUSE),
    ],
)
def test_a_rules_state_softens_what_its_reason_asks_for(state, decision):
    assert decision is Ground(Reason(Layer.POLICY, "c", "t", Decision.REFUSE), state).decision


def test_alert_never_makes_a_reason_harder():
    assert Decision.ALERT is Ground(Reason(Layer.POLICY, "c", "t", Decision.ALERT), RuleState.ALERT).decision


def test_a_client_is_named_with_its_groups(plant):
    def who(groups):
        return Case(
            Client("10.0.0.1"), groups, 1, plant.meaning(build.read(3, 0, 1)), None, plant.memory, plant.now
        ).who

    assert "10.0.0.1 (eng,hmi)" == who(frozenset({"hmi", "eng"}))
    assert "10.0.0.1" == who(frozenset())


def test_the_wall_clock_is_the_steady_one_and_its_shift(plant):
    plant.memory.wall_shift = 7
    case = Case(Client("10.0.0.1"), frozenset(), 1, plant.meaning(build.read(3, 0, 1)), None, plant.memory, 100)

    assert 107 == case.wall


def test_a_mask_write_that_spares_the_shared_bit_touches_no_other_point(bench, policy_of):
    coil = Point("trip", 1, Table.COIL, 5, DataType.BOOL, limits=Limits(allowed=(1.0,)), overlaps=("word.3",))
    cell = bench(policy_of(Point("word", 1, Table.HOLDING, 30), coil))
    spared = cell.meaning(build.mask_write(30, 0xFFFE, 1))
    changed = cell.meaning(build.write_register(30, 0))

    def touched(meaning):
        return [touch.effect.law.point.name for touch in cell.judge._sight.touches(1, meaning, cell.memory, cell.now)]

    assert ["word"] == touched(spared)
    assert ["word", "trip"] == touched(changed)
