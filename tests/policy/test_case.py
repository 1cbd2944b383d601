import pytest

from icsguard.core.decision import Decision, Layer, RuleState
from icsguard.core.flow import Client
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.core.verdict import Reason
from icsguard.policy.case import Case, Ground, listed, summed
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


def test_grounds_add_up_to_the_worst_which_gives_the_answer():
    def ground(decision, reply):
        return Ground(Reason(Layer.POLICY, "c", "t", decision, reply=reply), RuleState.ENFORCE)

    worst = summed([ground(Decision.ALERT, 1), ground(Decision.REFUSE, 2)], 0, "r", busy=6, refused=1)
    assert (Decision.REFUSE, 2) == (worst.decision, worst.reply)
    assert 1 == summed([ground(Decision.REFUSE, 0)], 0, "r", busy=6, refused=1).reply
    assert 6 == summed([ground(Decision.HOLD, 3)], 0, "r", busy=6, refused=1).reply
    assert 9 == summed([], 9, "r", busy=6, refused=1).cacheable_until


def test_a_long_list_of_rules_is_counted():
    assert "a, b" == listed(["a", "b"])
    assert "a, b, c, d and 2 more" == listed(list("abcdef"))
