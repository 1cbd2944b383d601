import time
from dataclasses import replace

import msgspec
import pytest

from icsguard.evaluation import loaded, run
from icsguard.evaluation.form import SHORT, Form

TINY = Form("tiny", ("water",), 700, 200, 1, 20, 1, 5, ("batadal",))


@pytest.fixture(scope="module")
def result():
    return run.evaluate(TINY, ("water",), 1, lambda _text: None)


def test_a_plant_gives_all_its_tables(result):
    names = [table.name for table in result.tables]
    wanted = "clean telemetry spoofs areas commands conduct refusals disturbances limits cost rows"
    assert wanted.split() == names
    assert 8 == len(result.goals)


def test_versions_digests_and_the_seed_are_kept(result):
    assert {"icsguard", "python", "numpy", "command", "data of water", "frozen plants"} <= set(result.facts)
    assert 1 == result.seed


def test_the_same_seed_gives_the_same_figures_in_another_process_too(result):
    said = []
    again = run.evaluate(TINY, ("water", "boiler"), 1, said.append, 2)
    again = replace(again, tables=tuple(_only(table, "water") for table in again.tables if table.name != "rows"))
    result = replace(result, tables=tuple(table for table in result.tables if table.name != "rows"))
    assert 4 == len(said)
    assert _figures(result) == _figures(again)


def _only(table, plant):
    return replace(table, rows=tuple(row for row in table.rows if row["plant"] == plant))


def _figures(result):
    """All tables but that of CPU time."""
    return [msgspec.json.encode(table) for table in result.tables if table.name != "cost"]


def test_a_part_that_fails_is_said_and_the_rest_is_there(monkeypatch):
    def measure(name, *_):
        raise RuntimeError(f"{name} burst")

    monkeypatch.setattr("icsguard.evaluation.plan.measure_plant", measure)
    found = run.evaluate(TINY, ("water",), 1, lambda _text: None)
    assert () == found.tables
    assert found.failed[0].startswith("water: RuntimeError: water burst (test_run.py:")


def test_absent_data_are_left_out_with_a_word(monkeypatch, tmp_path):
    monkeypatch.setenv(loaded.VARIABLE, str(tmp_path))
    said = []
    found = run.evaluate(TINY, ("batadal",), 1, said.append)
    assert () == found.tables
    assert "left out" in said[0]
    assert any("no recorded data" in text for text in found.facts.values())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_short_form_costs_less_than_a_minute_and_lets_nothing_through():
    began = time.process_time()  # of this process: a busy machine must not fail it
    found = run.evaluate(SHORT, (), 1, lambda _text: None)
    assert time.process_time() - began < 60
    conduct = next(table for table in found.tables if table.name == "conduct")
    assert {0} == {row["missed"] for row in conduct.rows}
    replays = [
        row["recall"]
        for table in found.tables
        if table.name == "telemetry"
        for row in table.rows
        if row["attack"] == "replay"
    ]
    assert min(replays) >= 0.75
