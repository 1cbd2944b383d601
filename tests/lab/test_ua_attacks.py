from pathlib import Path

from icsguard.lab.attacks.scene import Who
from icsguard.lab.plc import Write
from icsguard.lab.ua_attacks import attacks
from icsguard.lab.ua_cell import BYPASS, STOP_CONTROL

ALL = {attack.key: attack for attack in attacks(Path("keys"))}


def write(name, thousandths):
    return Write(1, "", 673, name, 0, (thousandths,))


def test_each_attack_is_told_and_has_its_own_name():
    assert 8 == len(ALL)
    for attack in ALL.values():
        assert attack.title
        assert attack.story.endswith(".")
        assert attack.layers


def test_an_attack_knows_its_own_writes_from_the_operators_ones():
    assert ALL["out-of-range"].forbidden(write("setpoint_1", 9000))
    assert ALL["out-of-range"].forbidden(write("setpoint_1", -1))  # infinity
    assert not ALL["out-of-range"].forbidden(write("setpoint_1", 2060))
    assert not ALL["forbidden-node"].forbidden(write("setpoint_1", 2000))
    assert ALL["forbidden-node"].forbidden(write(BYPASS, 1000))
    assert ALL["dangerous-method"].forbidden(write(STOP_CONTROL, 1000))


def test_of_the_batch_only_the_hidden_node_is_forbidden():
    forbidden = ALL["hidden-in-a-batch"].forbidden
    assert forbidden(write(BYPASS, 1000))
    assert not forbidden(write("dose", 800))


def test_rogues_come_from_elsewhere_than_the_station():
    assert {"rogue-certificate", "no-security"} == {key for key, attack in ALL.items() if attack.who is Who.ROGUE}
