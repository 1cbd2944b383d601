"""The command: one run, one table, results on disk."""

import json

import pytest

from bench.__main__ import main, parse, plan

QUICK = ["--no-events", "--no-figures", "--no-realtime", "--rounds", "1", "--seconds", "0.2", "--scenario", "c1"]


def test_a_run_prints_its_table_and_keeps_its_rows(programs, tmp_path, capsys):
    assert 0 == main([*QUICK, "--only", "direct,c-relay", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "c1: 1 connections, closed loop" in printed
    assert "throughput c16 / nginx" in printed
    assert "not steady" in printed
    lines = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert "machine" in lines[0]
    assert ["direct", "c-relay"] == [line["row"]["contender"] for line in lines if "row" in line]
    assert (tmp_path / "ratios.svg").read_text().startswith("<svg")
    assert (tmp_path / "table.txt").read_text().strip() in printed


def test_a_missing_compiler_is_one_line_and_status_2(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("bench.build.OUTPUT", tmp_path)
    monkeypatch.setattr("bench.build.build.__defaults__", (tmp_path,))
    monkeypatch.setenv("CC", "no-such-compiler")
    assert 2 == main(QUICK)
    assert "apt install gcc" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--short"]])
def test_no_form_has_fewer_than_three_rounds(words):
    todo = plan(parse([*words, "--only", "direct,nginx,haproxy,icsguard"]))
    assert todo.rounds >= 3
    assert {"direct", "nginx", "haproxy", "icsguard"} == {one.name for one in todo.contenders} | set(todo.absent)


def test_chosen_events_are_played_in_the_order_they_were_named():
    todo = plan(parse(["--only", "direct", "--events", "stalled log,policy reload"]))
    assert ("stalled log", "policy reload") == todo.events


def test_an_event_that_nobody_knows_is_told_by_name():
    with pytest.raises(SystemExit, match="flood of frogs"):
        plan(parse(["--events", "policy reload,flood of frogs"]))
