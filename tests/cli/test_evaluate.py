import json

from typer.testing import CliRunner

from icsguard.cli.app import build
from icsguard.cli.exits import CliError, ExitCode
from icsguard.evaluation import run
from icsguard.evaluation.tables import Goal, Result, Table


def _called(monkeypatch, *arguments):
    seen = []

    def measure(form, only, seed, progress, jobs):
        seen.append((form.name, tuple(only), seed, jobs))
        progress("water: learning")
        table = Table("clean", "Normal operation", ({"plant": "water", "a day": 0.5},))
        return Result(form.name, seed, (table,), (Goal("g", ">= 1", "2", reached=True),), (), {"python": "3"})

    monkeypatch.setattr(run, "evaluate", measure)
    done = CliRunner().invoke(build(["evaluate"]), ["evaluate", *arguments])
    return done, seen


def test_the_short_form_is_the_default_and_tables_are_printed(monkeypatch):
    done, seen = _called(monkeypatch)
    assert [("short", (), 1, 1)] == seen
    assert "### Normal operation" in done.stdout
    assert "| reached" in done.stdout


def test_sets_and_seed_are_handed_on(monkeypatch):
    _, seen = _called(monkeypatch, "--full", "--set", "water", "--set", "batadal", "--seed", "3", "-j", "2")
    assert [("full", ("water", "batadal"), 3, 2)] == seen


def test_page_and_figures_are_written(monkeypatch, tmp_path):
    _called(monkeypatch, "--report", str(tmp_path / "e.html"), "--json-file", str(tmp_path / "e.json"))
    assert (tmp_path / "e.html").read_text().startswith("<!doctype html>")
    assert "short" == json.loads((tmp_path / "e.json").read_text())["form"]


def test_json_is_printed_alone(monkeypatch):
    done, _ = _called(monkeypatch, "--json")
    assert "clean" == json.loads(done.stdout)["tables"][0]["name"]


def test_a_part_that_failed_is_an_error_after_all_tables(monkeypatch):
    monkeypatch.setattr(run, "evaluate", lambda *_: Result("short", 1, (), (), (), {}, ("water: burst",)))
    done = CliRunner().invoke(build(["evaluate"]), ["evaluate"])
    assert "### Goals" in done.stdout
    assert ("water: burst",) == done.exception.details


def test_an_unknown_set_is_a_wrong_command_line(monkeypatch):
    done, seen = _called(monkeypatch, "--set", "atlantis")
    assert [] == seen
    assert isinstance(done.exception, CliError)
    assert ExitCode.USAGE == done.exception.code
