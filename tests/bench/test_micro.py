"""The per-frame figures: each kind is the transaction that its name says."""

import pytest

from bench.micro import Bare, bench_conduit, calibration, cost, kinds
from icsguard.core.transaction import Outcome
from icsguard.protocols.modbus import build


@pytest.fixture(scope="module")
def conduit():
    return bench_conduit()


def test_a_repeated_read_takes_the_hot_path(conduit):
    bare = Bare(conduit)
    bare.exchange(build.read(3, 0, 1), b"\x03\x02\x00\x01")
    before = bare.guard.counters.hot
    bare.exchange(build.read(3, 0, 1), b"\x03\x02\x00\x01")
    assert before + 1 == bare.guard.counters.hot


@pytest.mark.parametrize(
    ("pdu", "answer", "outcome"),
    [
        (build.read(3, 0, 1), b"\x03\x02\x00\x01", Outcome.ANSWERED),
        (build.write_register(10_016, 1), build.write_register(10_016, 1), Outcome.ANSWERED),
        (build.write_register(60_001, 1), b"", Outcome.REFUSED),
    ],
)
def test_each_transaction_ends_as_it_should(pdu, answer, outcome, conduit):
    bare = Bare(conduit)
    bare.exchange(pdu, answer)
    assert outcome == bare.guard.run.mirror[-1][-1]


def test_all_kinds_run_and_cost_something(conduit):
    for do in [calibration, *kinds(conduit).values()]:
        assert cost(do, each=20) > 0
