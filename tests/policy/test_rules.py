import msgspec
import pytest

from icsguard.core.decision import Decision
from icsguard.policy.rules import Action, Policy, Service
from icsguard.protocols.modbus.services import ServiceId


@pytest.mark.parametrize(
    ("action", "decision"),
    [
        (Action.ALLOW, Decision.ALLOW),
        (Action.ALERT, Decision.ALERT),
        (Action.HOLD, Decision.HOLD),
        (Action.DENY, Decision.REFUSE),
    ],
)
def test_each_action_asks_for_its_decision(action, decision):
    assert decision is action.decision


def test_a_service_equals_the_protocols_own_identifier():
    assert {Service(8, 1)} == {ServiceId(8, 1)}


def test_a_policy_survives_the_trip_to_another_process(policy_of, pair):
    policy = policy_of(pair)

    assert policy == msgspec.msgpack.decode(msgspec.msgpack.encode(policy), type=Policy)
