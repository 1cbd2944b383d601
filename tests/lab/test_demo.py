import json

import pytest

from icsguard.lab import demo
from icsguard.lab.demo import Options, main
from icsguard.lab.guarding import GuardError
from icsguard.lab.trial import Check


@pytest.fixture
def played(outcome, monkeypatch, tmp_path):
    """Have the demo come to a given end without being played."""
    monkeypatch.chdir(tmp_path)

    def end_with(**changes):
        async def play(seed, lengths, teller, *, keep):
            return outcome(seed=seed, **changes)

        monkeypatch.setattr(demo, "play", play)

    return end_with


def test_a_demo_in_which_all_held_ends_with_0_and_leaves_a_report(played, tmp_path, capsys):
    played()
    assert main(Options(picture=tmp_path / "demo.svg")) == 0
    assert "2 of 2 attacks stopped" in capsys.readouterr().out
    assert (tmp_path / "icsguard-demo.html").read_text().startswith("<!DOCTYPE html>")
    assert (tmp_path / "demo.svg").read_text().startswith("<svg")


def test_anything_that_did_not_hold_is_exit_status_1(played):
    played(checks=(Check("0 of 9 normal requests were hurt", held=False),))
    assert main(Options()) == 1


def test_json_goes_to_standard_output_alone(played, capsys):
    played()
    assert main(Options(seed=7, as_json=True)) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["seed"] == 7
    assert "report" in captured.err


def test_a_demo_that_cannot_start_is_one_line_and_exit_status_1(monkeypatch, capsys):
    async def play(seed, lengths, teller, *, keep):
        raise GuardError("icsguard did not start within 40 s")

    monkeypatch.setattr(demo, "play", play)
    assert main(Options()) == 1
    assert capsys.readouterr().out == "error    icsguard did not start within 40 s\n"


def test_an_interrupted_demo_says_so(monkeypatch, capsys):
    async def play(seed, lengths, teller, *, keep):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "play", play)
    assert main(Options()) == 130
    assert "everything that was started has been ended" in capsys.readouterr().out
