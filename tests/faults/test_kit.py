"""The kit itself: its judge of requests, its oracles and its table can say no."""

import itertools
import random
import struct
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from faultkit.__main__ import chosen
from faultkit.cases_clients import contradictions, mutated, no_framing
from faultkit.registry import CASES, Broken, CannotRun, Case, Outcome, Verdict, run_case
from faultkit.stage import Stage
from faultkit.table import page, table
from faultkit.wire import adu, read_pdu, why_malformed, write_pdu

FAULTS = [
    *(f"T{number}" for number in range(1, 8)),
    *(f"C{number}" for number in range(1, 8)),
    *(f"D{number}" for number in range(1, 9)),
    *(f"H{number}" for number in range(1, 9)),
    *(f"S{number}" for number in range(1, 9)),
    *(f"L{number}" for number in range(1, 5)),
]


def test_every_fault_of_the_list_has_a_case():
    assert set(FAULTS) == {case.fault for case in CASES}


def test_no_two_cases_have_one_name():
    ids = [case.id for case in CASES]
    assert len(set(ids)) == len(ids)


def test_cases_that_share_a_guard_follow_each_other():
    makers = [(case.own, case.watch) for case in chosen([])]
    changes = sum(one != other for one, other in itertools.pairwise(makers))
    assert len(set(makers)) == changes + 1


def test_the_page_of_faults_is_as_the_cases_are(repo):
    assert page() == (repo / "docs" / "reference" / "faults.md").read_text(encoding="utf-8")


def test_the_page_is_printed_by_its_own_command(repo):
    done = subprocess.run(
        [sys.executable, "tests/faults/page.py"], cwd=repo, capture_output=True, text=True, check=True
    )
    assert page() == done.stdout


@pytest.mark.parametrize(
    "pdu",
    [
        read_pdu(0, 125),
        read_pdu(65535, 1),
        read_pdu(0, 2000, 1),
        write_pdu(1, 2),
        bytes.fromhex("0500010000"),
        bytes.fromhex("0f0000000901ff00")[:6] + b"\0\0",
        bytes.fromhex("1000000001020000"),
        bytes.fromhex("160004fff20025"),
        bytes.fromhex("1700030006000e00010200ff"),
        b"\x07",
        b"\x2b\x0e\x01\x00",
    ],
)
def test_the_second_judge_takes_what_the_specification_allows(pdu):
    if pdu[0] == 15:
        pdu = struct.pack(">BHHB", 15, 0, 9, 2) + b"\xff\x01"
    assert "" == why_malformed(adu(1, pdu))


@pytest.mark.parametrize("name", contradictions())
def test_the_second_judge_refuses_each_contradiction(name):
    assert why_malformed(adu(1, contradictions()[name]))


@pytest.mark.parametrize("name", [name for name in no_framing() if not name.startswith("64")])
def test_the_second_judge_refuses_what_is_no_modbus(name):
    assert why_malformed(no_framing()[name])


def test_a_mutation_changes_something_and_is_repeatable():
    frame = adu(7, read_pdu(1, 2))
    first = [mutated(random.Random(4), frame) for _ in range(3)]
    assert first == [mutated(random.Random(4), frame) for _ in range(3)]
    rng = random.Random(4)
    assert sum(mutated(rng, frame) != frame for _ in range(200)) > 150


class FakeDevice:
    def __init__(self, **facts):
        self.told = {"malformed": 0, "repeated": 0, "examples": [], **facts}
        self.arrived = {}

    def plan(self, **plans):
        self.plans = plans

    def order(self, do, **more):
        return self.told

    def facts(self):
        return self.told

    def values(self):
        return self.arrived


QUIET = {"polls": 40, "p50": 0.5, "p99": 1.0, "max": 1.0, "wrong": [], "lost": [], "told": [], "gap": 50.0}


def stage(*, guarded=None, direct=None, **facts):
    """Return a stage without processes whose bystander saw what it is told."""
    made = object.__new__(Stage)
    made._watch, made.full = True, False
    made.device, made.sick = FakeDevice(**facts), FakeDevice()
    made.guard = SimpleNamespace(name="fake", ours=True)
    made.acknowledged = []
    made._waited = lambda: {1: 0.0}
    made.quiet, made.quiet_direct = QUIET, QUIET
    made.bystander = SimpleNamespace(period=lambda: (QUIET | (guarded or {}), QUIET | (direct or {})))
    return made


def case(run):
    return Case("L9", "x", "what", "required", run, peers=False, own=None, watch=True)


@pytest.mark.parametrize(
    ("troubled", "words"),
    [
        (lambda: stage(malformed=1), "malformed at device"),
        (lambda: stage(repeated=2), "came more than once"),
        (lambda: stage(guarded={"wrong": ["00"]}), "wrong answer"),
        (lambda: stage(guarded={"lost": ["closed"]}), "lost its connection"),
        (lambda: stage(guarded={"told": [11]}), "told exceptions"),
        (lambda: stage(guarded={"p99": 500.0}), "p99 was 500.0 ms"),
    ],
)
def test_what_must_hold_everywhere_breaks_a_case_that_itself_held(troubled, words):
    outcome = run_case(case(lambda _: "fine"), troubled())
    assert Verdict.BROKEN is outcome.verdict
    assert words in outcome.seen


def test_a_late_bystander_gets_a_second_run_and_a_wrong_answer_none():
    runs = []
    slow = stage()
    slow.bystander = SimpleNamespace(period=lambda: (QUIET | {"p99": 500.0 if len(runs) < 2 else 1.0}, QUIET))
    outcome = run_case(case(lambda _: runs.append(1) or "fine"), slow)
    assert (Verdict.HELD, 2) == (outcome.verdict, len(runs))
    assert "in the first the bystander's p99 was 500.0 ms" in outcome.seen
    runs.clear()
    run_case(case(lambda _: runs.append(1)), stage(guarded={"wrong": ["00"]}))
    assert 1 == len(runs)


def test_what_the_machine_does_to_the_direct_poll_is_not_the_guards():
    outcome = run_case(case(lambda _: "fine"), stage(guarded={"p99": 500.0}, direct={"p99": 300.0}))
    assert Verdict.HELD is outcome.verdict


def test_time_without_a_processor_is_not_the_guards():
    late = stage(guarded={"p99": 500.0})
    waits = iter([100.0, 600.0])
    late._waited = lambda: {1: next(waits)}
    assert Verdict.HELD is run_case(case(lambda _: "fine"), late).verdict


@pytest.mark.parametrize(("arrived", "words"), [({}, "never came"), ({"20/1/2": 2}, "more than once")])
def test_an_acknowledged_write_is_looked_for_in_the_device(arrived, words):
    def run(stage):
        stage.acknowledged.append("20/1/2")

    troubled = stage()
    troubled.device.arrived = arrived
    outcome = run_case(case(run), troubled)
    assert Verdict.BROKEN is outcome.verdict
    assert words in outcome.seen


def test_a_case_ends_in_one_of_three_verdicts():
    def broken(_stage):
        raise Broken("seen")

    def cannot(_stage):
        raise CannotRun("why")

    def crashes(_stage):
        return {}["no"]

    verdicts = [run_case(case(run), stage()).verdict for run in (lambda _: "fine", broken, cannot, crashes)]
    assert [Verdict.HELD, Verdict.BROKEN, Verdict.CANNOT, Verdict.BROKEN] == verdicts


def test_the_table_has_each_case_once_and_the_peers_beside():
    mine, theirs = case(lambda _: ""), Verdict.BROKEN
    on_a_peer = replace(mine, own=None, watch=False)
    text = table(
        [Outcome(mine, "us", Verdict.HELD, "fine", 1.0), Outcome(on_a_peer, "them", theirs, "delivered", 1.0)],
        ["us", "them"],
    )
    assert 1 == sum(line.startswith("L9-x ") for line in text.splitlines())
    assert "us: 1 held, 0 broken, 0 cannot run" in text
    assert "them: 0 held, 1 broken, 0 cannot run" in text
