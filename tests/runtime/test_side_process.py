import asyncio
import os
import signal

import pytest

from icsguard.runtime import log
from icsguard.runtime.side_process import run_beside


class Worker:
    """Sends itself the signals of its life, one after the other."""

    def __init__(self, place, signals):
        self.place = place
        self.told = []
        self._signals = signals
        self._stopping = asyncio.Event()

    async def run(self):
        for number in self._signals:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.01)
        await asyncio.wait_for(self._stopping.wait(), 5)
        self.told.append("ran")

    def stop(self):
        self.told.append("stop")
        self._stopping.set()

    def reload(self):
        self.told.append("reload")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(log, "configure", lambda _name: None)  # the tests' own logging stays
    config = tmp_path / "icsguard.toml"
    config.write_text('[gateway]\nrun = "sockets"\n')
    made = []

    def run_it(*signals, path=config):
        def make(place):
            made.append(Worker(place, signals))
            return made[-1]

        return run_beside("worker", make, ["--config", str(path)]), made

    return run_it


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_works_in_the_sockets_folder_until_it_is_told_to_end(run, number, tmp_path):
    status, (worker,) = run(number)
    assert (0, ["stop", "ran"]) == (status, worker.told)
    assert tmp_path / "sockets" == worker.place


def test_a_hang_up_has_it_look_again_and_go_on(run):
    status, (worker,) = run(signal.SIGHUP, signal.SIGTERM)
    assert (0, ["reload", "stop", "ran"]) == (status, worker.told)


def test_where_the_gateway_is_unknown_it_says_why_and_does_not_start(run, tmp_path, capsys):
    status, made = run(path=tmp_path / "none.toml")
    assert (1, []) == (status, made)
    assert "none.toml cannot be read" in capsys.readouterr().err
