import msgspec
import pytest

from icsguard.evaluation import loaded, run
from icsguard.evaluation.form import Form

TINY = Form("tiny", ("water",), 700, 200, 1, 20, 1, 5, ("batadal",))


@pytest.fixture(scope="module")
def result():
    return run.evaluate(TINY, ("water",), 1, lambda _text: None)


def test_a_plant_gives_all_its_tables(result):
    names = [table.name for table in result.tables]
    assert ["clean", "telemetry", "areas", "commands", "conduct", "refusals"] == names
    assert 7 == len(result.goals)


def test_versions_digests_and_the_seed_are_kept(result):
    assert {"icsguard", "python", "numpy", "command", "data of water", "frozen plants"} <= set(result.facts)
    assert 1 == result.seed


def test_the_same_seed_gives_the_same_figures(result):
    again = run.evaluate(TINY, ("water",), 1, lambda _text: None)
    assert msgspec.json.encode(result.tables) == msgspec.json.encode(again.tables)


def test_absent_data_are_left_out_with_a_word(monkeypatch, tmp_path):
    monkeypatch.setenv(loaded.VARIABLE, str(tmp_path))
    said = []
    found = run.evaluate(TINY, ("batadal",), 1, said.append)
    assert () == found.tables
    assert "left out" in said[0]
    assert any("no recorded data" in text for text in found.facts.values())
