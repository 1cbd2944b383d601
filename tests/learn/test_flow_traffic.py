import random

import pytest

from icsguard.detect.flow_features import FEATURES
from icsguard.learn.flow_traffic import ATTACKS, adu, attack_window, clean_window, site


def test_the_same_seed_makes_the_same_windows():
    assert clean_window(site(random.Random(3))) == clean_window(site(random.Random(3)))


def test_an_ordinary_window_holds_nothing_new():
    noise = random.Random(5)
    windows = [one for _ in range(20) if (one := clean_window(site(noise))) is not None]
    assert windows
    assert all(one[FEATURES.index("share_new_symbols")] == 0 for one in windows)


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_an_attack_window_has_all_features(name):
    window = attack_window(site(random.Random(5)), name)
    assert len(window) == len(FEATURES)


def test_sites_differ():
    noise = random.Random(1)
    assert len({(one.period_s, one.unit, len(one.polls)) for one in (site(noise) for _ in range(20))}) == 20


def test_an_adu_has_its_length():
    assert adu(5, b"\x03\0\0\0\1") == b"\0\1\0\0\0\6\5\3\0\0\0\1"
