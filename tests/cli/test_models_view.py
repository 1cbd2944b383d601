"""What the tables of `icsguard models` say."""

from icsguard.cli import models_view as view
from icsguard.detect.promotion import Rule, Ruling, Trial
from icsguard.learn.challenge import TrialFile


def test_a_trial_shows_both_models_side_by_side(capsys):
    one = Trial(20, 15, {"ramp": (5, 10), "bias": (10, 10)}, 24.0, 1, 10, 2)
    trial = TrialFile(champion="aaa", challenger="bbb", data_digest="d", champion_trial=one, challenger_trial=one)
    view.show_trial(trial, as_json=False)
    out = capsys.readouterr().out
    for expected in ("aaa", "bbb", "15 of 20", "bias 10/10, ramp 5/10", "1 in 24 h", "2 of 10 writes"):
        assert expected in out


def test_a_broken_rule_stands_out(capsys):
    view.show_ruling(Ruling((Rule("a", "1", "1", held=True), Rule("b", "1", "2", held=False))), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("yes")
    assert lines[2].endswith("NO")
