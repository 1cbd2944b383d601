"""The short form of the campaign: no promise broken, no input slow, no memory kept, and an oracle that bites."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from icsguard.protocols.modbus.defects import DEFECTS

HERE = Path(__file__).parent
SEED = "1"
INPUTS = 120_000
PAIRING = {"response-unsolicited", "response-late", "response-duplicate", "response-mismatch"}
REMARKS = {"pdu-padding", "response-padding", "response-exception-code"}
OF_THE_DEVICE = {"pdu-device-limit", "pdu-not-framable"}  # laws of one device's settings, not of the codec


def run(*options):
    command = [sys.executable, HERE / "campaign.py", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory):
    """One short run: its figures by target, and what it printed."""
    file = tmp_path_factory.mktemp("fuzz") / "figures.json"
    done = run("--inputs", str(INPUTS), "--seed", SEED, "--jobs", "2", "--json", str(file))
    assert done.returncode in {0, 1}, done.stderr
    return json.loads(file.read_text(encoding="utf-8"))["targets"], done.stdout + done.stderr


@pytest.fixture
def here(monkeypatch):
    """Make the scripts of this folder importable."""
    monkeypatch.syspath_prepend(str(HERE))


def test_no_input_breaks_a_promise(campaign):
    figures, printed = campaign
    assert dict.fromkeys(figures, 0) == {name: one["failed"] for name, one in figures.items()}, printed


def test_every_target_gets_its_part(campaign):
    figures, printed = campaign
    codec = {"framing", "requests", "answers", "rtu", "pairing", "writing"}
    assert codec | {"own links", "shared links"} == set(figures)
    assert 0.9 * INPUTS < sum(one["inputs"] for one in figures.values()) < 1.1 * INPUTS
    assert all(name in printed for name in figures)


def test_no_input_takes_longer_than_ten_milliseconds(campaign):
    figures, printed = campaign
    assert all(one["slowest_ms"] <= 10 for one in figures.values()), printed


def test_no_input_leaves_memory_behind(campaign):
    figures, printed = campaign
    assert all(one["growth_kib"] < 16 * 1024 for one in figures.values()), printed


def test_the_inputs_reach_every_defect_and_the_sound_ways_too(campaign):
    figures, _ = campaign
    codes = {code for code in DEFECTS if code.startswith(("pdu-", "response-"))} - REMARKS - PAIRING - OF_THE_DEVICE
    seen = set(figures["requests"]["seen"]) | set(figures["answers"]["seen"])
    assert codes | {"sound", "answered", "exception"} == seen
    assert figures["requests"]["seen"]["sound"] > figures["requests"]["inputs"] / 4
    assert figures["answers"]["seen"]["answered"] > figures["answers"]["inputs"] / 8


def test_the_conversations_end_in_every_way(campaign):
    figures, _ = campaign
    seen = set(figures["own links"]["seen"]) | set(figures["shared links"]["seen"])
    ends = {"answered", "exception", "refused", "unreachable", "timed_out", "unknown", "no_answer_due", "dropped"}
    assert ends | {"abandoned", "events"} == seen


def test_the_same_seed_gives_the_same_inputs_whoever_takes_them(tmp_path):
    seen = []
    for options in (("--jobs", "1"), ("--jobs", "2"), ("--jobs", "1", "--seed", "2")):
        file = tmp_path / "figures.json"
        run("--inputs", "20000", "--target", "requests", *options, "--json", str(file))
        seen.append(json.loads(file.read_text(encoding="utf-8"))["targets"]["requests"]["seen"])
    assert seen[0] == seen[1] != seen[2]


def test_an_input_can_be_replayed():
    done = run("--replay", "requests", "3", "17")
    assert done.returncode == 0
    assert done.stdout.startswith("unit ")


def broken(module, name, wrong, monkeypatch):
    """Put a wrong part under the campaign and return what it says."""
    from tally import Tally

    found = __import__(module)
    right = getattr(found, name)
    monkeypatch.setattr(found, name, lambda *given: wrong(right(*given)))
    target = next(one for one in vars(found).values() if hasattr(one, "batch") and one.__module__ == module)
    tally = Tally(target(1))
    tally.run(0, is_warm=False)
    return {what.partition(" (")[0] for _, what, _ in tally.failures}


def that_overlooks_the_end_of_a_table(request):
    return request._replace(defect=None) if request.defect and request.defect.code == "pdu-address" else request


def with_another_reply(request):
    changed = request.defect and request.defect._replace(reply=2)
    return request._replace(defect=changed)


def one_address_further(request):
    if request.defect or not request.changes:
        return request
    return request._replace(changes=(request.changes[0]._replace(start=request.changes[0].start ^ 1),))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (that_overlooks_the_end_of_a_table, "AssertionError: taken, although the law answers 2"),
        (with_another_reply, "AssertionError: pdu-length answered 2, the law answers 3"),
        (one_address_further, "AssertionError: written again it is another request"),
    ],
)
def test_a_codec_that_errs_is_found_out(here, monkeypatch, wrong, said):
    assert said in broken("request_target", "parse_request", wrong, monkeypatch)


def test_a_judge_of_answers_that_takes_everything_is_found_out(here, monkeypatch):
    said = broken("answer_target", "parse_response", lambda answer: answer._replace(defect=None), monkeypatch)
    assert any(what.startswith("AssertionError: lawful is False") for what in said)


def test_a_framer_that_loses_its_head_is_found_out(here, monkeypatch):
    said = broken("framing_target", "framed", lambda found: (found[0][:1], found[1]), monkeypatch)
    assert "AssertionError: not the frames that the headers announce" in said


def test_the_second_reading_does_not_take_a_file_response_without_its_last_byte(here):
    import law

    asked = bytes.fromhex("140e 06000400070003 06000400070003")
    whole = bytes.fromhex("1410 07065044a5a7b7ec 07068d476178fe00")
    assert law.answers(asked, whole)
    assert not law.answers(asked, b"\x14\x0e" + whole[2:-2])
    assert not law.answers(asked, whole[:-1])
