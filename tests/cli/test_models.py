"""Models from the command line: what there is, a challenger, a promotion by rule, and the way back."""

import json
from dataclasses import replace

import msgspec
import pytest

from icsguard.cli.exits import ExitCode
from icsguard.config.settings import Conduit
from icsguard.control.replies import FailureCode, PartStatus
from icsguard.control.requests import NoteModel
from icsguard.lab.cell import points_csv
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.policy.rules import Policy
from icsguard.runtime.journal import Entry, JournalWriter, journal_path

pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def fitted():
    from icsguard.learn.fit import fit

    conduit = Conduit("plc1", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))
    return fit(OfflineCell(1, conduit="plc1").run(40), conduit, horizon_s=12)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with a configuration and the cell's points, and nothing learnt."""
    (tmp_path / "icsguard.toml").write_text(
        '[gateway]\nstate = "state"\nrun = "run"\n[shadow]\nhorizon_s = 12.0\n[conduit.plc1]\n'
        'listen = "127.0.0.1:1502"\ndevice = "127.0.0.1:502"\nmode = "learn"\npoints = "plc1.points.csv"\n'
    )
    (tmp_path / "plc1.points.csv").write_text(points_csv())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def learnt(site, fitted):
    """Put a model in the champion's or challenger's place."""
    from icsguard.learn.export import export, site_key

    def learn(note, *below):
        other = replace(fitted, model=replace(fitted.model, notes=(note,)))
        export(other, site.joinpath("state", "models", "plc1", *below), site_key(site / "state"))

    return learn


@pytest.fixture
def tried(site, learnt):
    """Champion and challenger with a trial in which both did the same."""
    from icsguard.detect.promotion import Trial
    from icsguard.inference import signature
    from icsguard.learn.challenge import TrialFile
    from icsguard.learn.export import site_key
    from icsguard.runtime.model_shelf import TRIAL, Shelf
    from icsguard.runtime.model_store import PUBLIC_KEY

    learnt("old")
    learnt("new", "challenger")
    shelf = Shelf(site / "state" / "models" / "plc1", site / "state" / PUBLIC_KEY)
    same = Trial(20, 15, {"bias": (15, 20)}, 24.0, 0, 10, 0)
    champion, challenger = shelf.champion.digest, shelf.challenger.digest
    text = msgspec.json.encode(
        TrialFile(champion=champion, challenger=challenger, data_digest="d", champion_trial=same, challenger_trial=same)
    )
    (shelf.challenger.folder / TRIAL).write_bytes(signature.sign(site_key(site / "state"), text) + text)
    return champion, challenger


def roles(icsguard):
    return [(one["role"], one["digest"]) for one in json.loads(icsguard("models", "list", "--json").out)]


def test_nothing_learnt_is_no_error(icsguard, site, no_gateway):
    ended = icsguard("models", "list")
    assert (0, "") == (ended.code, ended.out)
    assert "no model was learnt yet" in ended.err


def test_models_are_listed_with_what_they_promise(icsguard, learnt, no_gateway):
    learnt("old")
    learnt("new", "challenger")
    out = icsguard("models", "list").out
    for expected in ("plc1", "champion", "challenger", "signed by this site", "<= "):
        assert expected in out


def test_a_card_is_shown_and_an_unknown_model_is_one_line(icsguard, learnt, no_gateway):
    learnt("old")
    card = json.loads(icsguard("models", "show", "plc1", "--json").out)
    assert ("champion", "old", "point-twin") == (card["role"], card["note"], card["kind"])
    assert "data_digest" in icsguard("models", "show", "plc1").out
    assert 1 == icsguard("models", "show", "plc1", "ffffff").code
    assert 2 == icsguard("models", "show", "plc7").code


def test_a_spoiled_model_is_listed_with_the_reason(icsguard, site, learnt, no_gateway):
    learnt("old")
    path = site / "state" / "models" / "plc1" / "site.json"
    path.write_bytes(path.read_bytes() + b" ")
    assert "refused: site.json is not the file" in icsguard("models", "list").out
    assert "refused" in json.loads(icsguard("models", "show", "plc1", "--json").out)


def test_a_challenger_comes_from_the_conduits_journal(icsguard, site, learnt, no_gateway):
    assert "no traffic of plc1" in icsguard("models", "challenge", "plc1").err
    writer = JournalWriter(journal_path(site / "state", "plc1"), 100_000_000)
    assert writer.append(Entry("r1", 0, OfflineCell(5, conduit="plc1").run(140), []))
    writer.close()
    ended = icsguard("models", "challenge", "plc1")
    assert "has no champion to stand beside" in ended.err
    learnt("old")
    ended = icsguard("models", "challenge", "plc1", "--json")
    assert 0 == ended.code, ended.err
    trial = json.loads(ended.out)
    assert trial["champion_trial"]["attacks"] == trial["challenger_trial"]["attacks"] > 0
    assert [("champion", trial["champion"]), ("challenger", trial["challenger"])] == roles(icsguard)
    ended = icsguard("models", "judge", "plc1")
    assert ExitCode.FINDING == ended.code
    assert "enough golden attacks were carried out" in ended.out


def test_a_promotion_wants_every_rule(icsguard, tried, no_gateway):
    ended = icsguard("models", "promote", "plc1", "-r", "new product", "--yes")
    assert 1 == ended.code
    assert "it ran beside the champion: wanted >= 24 h, measured not at all" in ended.err
    assert [("champion", tried[0]), ("challenger", tried[1])] == roles(icsguard)


def test_a_promotion_is_confirmed_recorded_and_undone_by_one_command(icsguard, tried, gateway, typing):
    typing("something else")
    waived = ("models", "promote", "plc1", "-r", "new product", "--without-live-run")
    assert 1 == icsguard(*waived).code
    typing("plc1")
    ended = icsguard(*waived)
    assert 0 == ended.code
    assert "undo: icsguard models rollback plc1" in ended.err
    assert [("champion", tried[1]), ("previous", tried[0])] == roles(icsguard)
    text = f"the model of plc1 is {tried[1]} (before: {tried[0]})"
    assert NoteModel(conduit="plc1", what=text, reason="new product") == gateway.asked[-1]
    assert 0 == icsguard("models", "rollback", "plc1", "-r", "holds the night shift", "--yes").code
    assert [("champion", tried[0]), ("previous", tried[1])] == roles(icsguard)
    assert "again" in gateway.asked[-1].what


def test_a_day_beside_the_champion_is_read_from_the_running_shadow(icsguard, tried, gateway, answers):
    head = "plc1.challenger"
    facts = {
        head: tried[1], f"{head}_hours": 25.5, f"{head}_alarms": 0, f"{head}_alarms_champion": 1,
        f"{head}_holds": 0, f"{head}_holds_champion": 0,
    }  # fmt: skip
    shadow = PartStatus(role="shadow", state="up", facts=facts)
    answers["GetStatus"] = msgspec.structs.replace(answers["GetStatus"], parts=(shadow,))
    assert json.loads(icsguard("models", "judge", "plc1", "--json").out)["may_promote"]
    facts[f"{head}_alarms"] = 2
    assert not json.loads(icsguard("models", "judge", "plc1", "--json").out)["may_promote"]
    facts[head] = "another"
    assert "not at all" in icsguard("models", "judge", "plc1").out


def test_what_the_gateway_does_not_record_is_said(icsguard, tried, gateway, failing):
    failing("NoteModel", FailureCode.DENIED, "you may only look")
    ended = icsguard("models", "promote", "plc1", "-r", "new product", "--without-live-run", "--yes")
    assert 0 == ended.code
    assert "did not put it on record: you may only look" in ended.err


def test_a_discarded_challenger_is_gone_and_a_reason_is_needed(icsguard, tried, no_gateway):
    assert 2 == icsguard("models", "discard", "plc1", "-r", " ").code
    assert 0 == icsguard("models", "discard", "plc1", "-r", "wrong week").code
    assert [("champion", tried[0])] == roles(icsguard)
    for verb in ("discard", "rollback", "promote"):
        assert 1 == icsguard("models", verb, "plc1", "-r", "again", *(() if verb == "discard" else ("--yes",))).code
    assert 1 == icsguard("models", "judge", "plc1").code
