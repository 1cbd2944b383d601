"""`icsguard twin unlearn`: a span is taken out of the model in use, on record, and never taught again."""

import json
import re

import pytest

from icsguard.cli.exits import CliError
from icsguard.cli.unlearn import moment_of
from icsguard.config.settings import Conduit
from icsguard.control.requests import NoteModel
from icsguard.lab.cell import points_csv
from icsguard.lab.offline import START, OfflineCell, cell_points
from icsguard.policy.rules import Policy
from icsguard.runtime.journal import Entry, JournalWriter, journal_path

pytest.importorskip("onnx")
SPAN = ("2023-11-14T22:13:40+00:00", "2023-11-14T22:14:00+00:00")
"""Twenty seconds, twenty after the recording begins."""


@pytest.fixture
def site(tmp_path, monkeypatch):
    (tmp_path / "icsguard.toml").write_text(
        '[gateway]\nstate = "state"\nrun = "run"\n[shadow]\nhorizon_s = 12.0\n[conduit.plc1]\n'
        'listen = "127.0.0.1:1502"\ndevice = "127.0.0.1:502"\nmode = "learn"\npoints = "plc1.points.csv"\n'
    )
    (tmp_path / "plc1.points.csv").write_text(points_csv())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    writer = JournalWriter(journal_path(tmp_path / "state", "plc1"), 100_000_000)
    assert writer.append(Entry("r1", 0, OfflineCell(1, conduit="plc1").run(70), []))
    writer.close()
    return tmp_path


@pytest.fixture
def learnt(site):
    """A twin that the journal taught."""
    from icsguard.learn.export import export, site_key
    from icsguard.learn.teach import Teaching, teach

    conduit = Conduit("plc1", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))
    made = teach(OfflineCell(1, conduit="plc1").run(70), conduit, Teaching(horizon_s=12.0))
    export(made.fitted, site / "state" / "models" / "plc1", site_key(site / "state"), made.lesson)
    return site


def test_the_span_is_gone_from_the_model_and_from_later_learning(icsguard, learnt, gateway):
    ended = icsguard("twin", "unlearn", "plc1", *SPAN, "-r", "intrusion", "--yes")
    assert 0 == ended.code, ended.err
    before, left = map(int, re.search(r"(\d+) of (\d+) rows are left", ended.out).groups()[::-1])
    assert 50 < before - left < 150
    assert "undo: icsguard models rollback plc1" in ended.err
    assert isinstance(gateway.asked[-1], NoteModel)
    assert ("plc1", "intrusion") == (gateway.asked[-1].conduit, gateway.asked[-1].reason)
    roles = [one["role"] for one in json.loads(icsguard("models", "list", "--json").out)]
    assert ["champion", "previous"] == roles
    spans = json.loads((learnt / "state" / "models" / "plc1" / "forgotten.json").read_text())
    assert ["intrusion"] == [one["reason"] for one in spans]
    assert START + 20_000_000_000 == spans[0]["since"]
    review = json.loads(icsguard("learn", "plc1", "--review", "--json").out)
    assert review["counts"]["forgotten"] > 100


def test_what_cannot_be_unlearnt_is_one_line(icsguard, learnt, no_gateway):
    for arguments, expected, code in (
        (("2024-01-01", "2024-01-02"), "taught nothing in that time", 1),
        ((SPAN[1], SPAN[0]), "is not before", 2),
        (("yesterday", SPAN[1]), "is no moment", 2),
    ):
        ended = icsguard("twin", "unlearn", "plc1", *arguments, "-r", "intrusion", "--yes")
        assert (code, True) == (ended.code, expected in ended.err), ended.err


def test_a_conduit_without_a_lesson_is_told_to_learn(icsguard, site, no_gateway):
    ended = icsguard("twin", "unlearn", "plc1", *SPAN, "-r", "intrusion", "--yes")
    assert "that says what taught it" in ended.err
    assert "try: icsguard learn plc1" in ended.err


def test_moments_without_a_zone_are_local(monkeypatch):
    assert moment_of("1970-01-01T00:00:01+00:00") == 1_000_000_000
    assert moment_of("1970-01-01T01:00:00+01:00") == 0
    with pytest.raises(CliError):
        moment_of("soon")
