from icsguard.cli import show
from icsguard.cli.progress import progress_bar


def test_a_terminal_sees_how_far_it_is(monkeypatch, capsys):
    monkeypatch.setattr(show, "coloured", lambda: True)
    with progress_bar("learning plc1") as progress:
        progress(0.5, "fitting the twin")
    assert "" == capsys.readouterr().out  # it is no data


def test_a_pipe_sees_nothing(capsys):
    with progress_bar("learning plc1") as progress:
        progress(0.5, "fitting the twin")
    assert ("", "") == capsys.readouterr()
