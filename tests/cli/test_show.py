import json

import pytest

from icsguard.cli import show
from icsguard.cli.show import Cell


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setattr(show, "coloured", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")


def test_a_pipe_gets_aligned_columns_and_no_colours(capsys):
    show.table(("NAME", "N"), [("plc1", Cell("5", "red")), ("cell12", "123")], right=frozenset({"N"}))
    assert ["NAME      N", "plc1      5", "cell12  123"] == capsys.readouterr().out.splitlines()


def test_a_terminal_gets_the_same_words(terminal, capsys):
    show.table(("NAME", "N"), [("plc1", Cell("5", "red"))], right=frozenset({"N"}))
    show.line("bold words", style="bold")
    out = capsys.readouterr().out
    for word in ("NAME", "plc1", "5", "bold words"):
        assert word in out


def test_markup_in_data_is_text(terminal, capsys):
    show.table(("NAME",), [("[red]x[/red]",)])
    assert "[red]x[/red]" in capsys.readouterr().out


@pytest.mark.parametrize("printing", [show.line, show.note, lambda text: show.table(("A",), [(text,)])])
@pytest.mark.parametrize("where", ["pipe", "terminal"])
def test_hostile_text_is_shown_and_does_nothing(hostile, capsys, monkeypatch, printing, where):
    monkeypatch.setattr(show, "coloured", lambda: where == "terminal")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    printing(hostile)
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert not {"\x1b", "\r", "\x9b", "\u202e"} & set(shown)
    assert "\\x1b[2J" in shown


def test_json_is_ascii_whatever_the_data(hostile, capsys):
    show.as_json({"name": hostile, "umlaut": "ä"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert hostile == json.loads(out)["name"]


def test_a_note_is_not_data(capsys):
    show.nothing("ticket is open")
    assert ("", "no ticket is open\n") == tuple(capsys.readouterr())


def test_a_pipe_is_wide_and_a_dumb_terminal_has_no_colours(monkeypatch):
    assert 200 == show.width()
    monkeypatch.setattr(show.sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert not show.coloured()
