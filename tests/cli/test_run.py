import pytest

from icsguard.cli.run import announcement
from icsguard.config.settings import Settings
from icsguard.runtime.files import load_config

GOOD = '[gateway]\nstate = "s"\nrun = "r"\n[conduit.plc1]\nlisten = "127.0.0.1:1502"\ndevice = "10.0.0.1:502"\n'


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "icsguard.toml"
    path.write_text(GOOD)
    return path


@pytest.mark.parametrize("mode", ["learn", "observe"])
def test_what_is_guarded_is_said_before_it_starts(config, mode):
    config.write_text(GOOD + f'mode = "{mode}"\n')
    settings = load_config(config)
    assert isinstance(settings, Settings)
    lines = announcement(settings, config)
    assert (
        f"  plc1: 127.0.0.1:1502 -> 10.0.0.1:502, mode {mode}, no policy yet: all that is well-formed passes" in lines
    )


@pytest.mark.parametrize("status", [0, 1])
def test_the_status_of_the_supervisor_is_the_commands(icsguard, config, monkeypatch, status):
    monkeypatch.setattr("icsguard.runtime.supervisor.run", lambda path: status if path == config else 99)
    monkeypatch.setattr("icsguard.runtime.log.configure", lambda *_args, **_options: None)
    assert status == icsguard("run", "-c", config).code


def test_nothing_starts_on_a_broken_configuration(icsguard, config, monkeypatch):
    monkeypatch.setattr("icsguard.runtime.supervisor.run", lambda _: pytest.fail("it started"))
    config.write_text(GOOD + "typo = 1\n")
    ended = icsguard("run", "-c", config)
    assert 1 == ended.code
    assert "typo" in ended.err
    assert "nothing was started" in ended.err
