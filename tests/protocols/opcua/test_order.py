"""The life of a connection: what may come when, and that nothing else may."""

import pytest

from icsguard.protocols.opcua.order import CLIENT, SERVER, STEPS, Order, Stage
from icsguard.protocols.opcua.uacp import KINDS

LIFE = [(b"HEL", CLIENT), (b"ACK", SERVER), (b"OPN", CLIENT), (b"OPN", SERVER)]


def at(*steps):
    order = Order()
    assert {None} == {order.seen(kind, from_client=side) for kind, side in steps} or not steps
    return order


def test_a_connection_lives_from_its_greeting_to_its_close():
    traffic = [
        (b"MSG", CLIENT),
        (b"OPN", CLIENT),
        (b"MSG", SERVER),
        (b"OPN", SERVER),
        (b"CLO", CLIENT),
        (b"MSG", SERVER),
    ]
    assert Stage.OPEN is at(*LIFE).stage
    assert Stage.CLOSED is at(*LIFE, *traffic).stage


def test_a_server_may_dial_and_the_client_greets_all_the_same():
    assert Stage.OPEN is at((b"RHE", SERVER), *LIFE).stage


@pytest.mark.parametrize("length", range(len(LIFE) + 1))
def test_a_server_may_give_up_at_any_time(length):
    assert Stage.CLOSED is at(*LIFE[:length], (b"ERR", SERVER)).stage


@pytest.mark.parametrize("stage", Stage)
def test_whatever_the_table_does_not_have_is_a_defect_and_changes_nothing(stage):
    refused = [(kind, side) for kind in KINDS for side in (CLIENT, SERVER) if (stage, side, kind) not in STEPS]
    for kind, side in refused:
        order = Order()
        order.stage = stage
        assert ("uacp-order", True) == order.seen(kind, from_client=side)[0::2][:2]
        assert stage is order.stage
    assert (b"MSG", CLIENT) in refused or stage is Stage.OPEN
    assert (b"ERR", CLIENT) in refused


def test_every_stage_can_be_reached_and_left():
    reached = set(STEPS.values()) | {Stage.FRESH}
    assert set(Stage) == reached == {stage for stage, *_ in STEPS}
