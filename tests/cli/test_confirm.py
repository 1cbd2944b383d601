import pytest

from icsguard.cli.confirm import confirm
from icsguard.cli.exits import CliError, ExitCode


def test_the_typed_word_goes_on_and_the_consequence_was_stated(typing, capsys):
    typing("plc1")
    confirm("this stops the pump", "plc1", yes=False)
    assert "this stops the pump" in capsys.readouterr().err


def test_yes_states_the_consequence_all_the_same(capsys):
    confirm("this stops the pump", "plc1", yes=True)
    assert "this stops the pump" in capsys.readouterr().err


def test_another_word_ends_it(typing):
    typing("PLC1")
    with pytest.raises(CliError, match="nothing was changed"):
        confirm("this stops the pump", "plc1", yes=False)


def test_without_a_terminal_it_is_a_usage_error(monkeypatch):
    monkeypatch.setattr("icsguard.cli.confirm.sys.stdin.isatty", lambda: False)
    with pytest.raises(CliError) as error:
        confirm("this stops the pump", "plc1", yes=False)
    assert ExitCode.USAGE is error.value.code
