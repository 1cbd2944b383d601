import numpy as np
import pytest

from icsguard.evaluation import conduct
from icsguard.evaluation.conduct import KINDS, learnt_policy
from icsguard.lab.plants.catalog import PLANTS
from icsguard.protocols.modbus.mbap import Framer
from icsguard.protocols.modbus.pdu import parse_request


@pytest.fixture(scope="module")
def found(bench):
    return conduct.measure(bench, 25)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_outside_the_policy_reaches_the_device(found, kind):
    assert 25 == found.kinds[kind].count
    assert 25 == found.kinds[kind].hits


def test_normal_operation_goes_on(found):
    assert found.clean_requests > 4_000
    assert found.clean_refused < 0.01 * found.clean_requests


def test_the_learnt_policy_permits_what_was_done(bench):
    policy = learnt_policy(bench.plant, bench.recording)
    assert policy.rules
    assert policy.digest


def test_the_judge_of_this_trial_can_fail(bench):
    """With reads of a known client instead of attacks everything reaches the device."""
    from icsguard.config.settings import Conduit
    from icsguard.lab.plants.site import CLIENT

    policy = learnt_policy(bench.plant, bench.recording)
    settings = Conduit("water", "127.0.0.1", 1502, "127.0.0.1", 502, policy=policy)
    polls = [one.request for one in bench.site(1).poll()] * 5
    assert 15 == conduct._played(settings, polls, CLIENT)


def test_what_is_smuggled_comes_with_the_identifier_of_a_permitted_read(bench):
    noise = np.random.default_rng(2)
    for _ in range(20):
        read, hidden = Framer().feed(KINDS["smuggled behind a permitted read"][2](PLANTS["water"], noise))
        assert read.tid == hidden.tid
        assert 4 == read.pdu[0]
        assert hidden.pdu[0] not in range(1, 5)


def test_every_second_request_comes_in_two_pieces():
    assert [b"abcdef"] == conduct._pieces(b"abcdef", 8)
    assert [b"abc", b"def"] == conduct._pieces(b"abcdef", 9)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "malformed" not in kind and "smuggled" not in kind])
def test_well_formed_kinds_are_well_formed(kind):
    noise = np.random.default_rng(1)
    for _ in range(50):
        raw = KINDS[kind][2](PLANTS["water"], noise)
        (frame,) = Framer().feed(raw)
        assert frame.defect is None
        assert parse_request(frame.unit, frame.pdu).defect is None
