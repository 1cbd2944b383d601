"""The station against a real server stands in test_ua_plant.py; here is what operators do."""

import random

from icsguard.lab.ua_cell import BY_NAME
from icsguard.lab.ua_scada import SHIFT_S, quiet_shift


def test_a_quiet_shift_stays_within_what_operators_may_write():
    for seed in range(20):
        for move in quiet_shift(random.Random(seed)):
            assert 0 <= move.at_s < SHIFT_S
            for name, value in move.values.items():
                assert BY_NAME[name].low <= value <= BY_NAME[name].high


def test_a_shift_ends_where_it_began():
    last = {}
    for move in quiet_shift(random.Random(1)):
        last |= move.values
    assert {"dose": 0.8, "setpoint_1": 2.0, "setpoint_2": 2.0} == last
