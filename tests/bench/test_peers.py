"""The contenders: each stands up, carries a load without an error, and is gone afterwards."""

from pathlib import Path

import pytest

from bench.load import Load, run
from bench.peers.api import Stage
from bench.peers.haproxy import Haproxy
from bench.peers.icsguard import Icsguard
from bench.peers.nginx import Nginx
from bench.peers.plain import Relay
from bench.peers.suricata import Suricata
from bench.place import choose

QUICK = Load(connections=4, seconds=0.3, warm_up=0.2)


@pytest.fixture
def stage(programs, tmp_path, plc):
    return Stage(choose(realtime=False), programs, tmp_path, plc.port)


def carries(contender, stage, load=QUICK):
    with contender.stand(stage) as standing:
        result = run(stage.programs / "load", load, standing.port, watch=standing.watched)
        pids = [pid for group in standing.watched.values() for pid in group]
    assert 0 == result.errors.total, result.told
    assert result.cpu_us("own") > 0
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()], "somebody was left behind"
    return result


def test_the_relay(stage):
    carries(Relay(), stage)


@pytest.mark.peer
@pytest.mark.parametrize("contender", [Nginx(), Haproxy()], ids=["nginx", "haproxy"])
def test_a_peer_from_the_machine(contender, stage):
    if why := contender.absent():
        pytest.skip(why)
    carries(contender, stage)
    assert contender.version()[0].isdigit()


def test_a_missing_peer_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    for contender in (Nginx(), Haproxy(), Suricata(log=True)):
        assert "installed" in contender.absent()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_icsguard_with_everything_on(stage, plc):
    result = carries(Icsguard(), stage, Load(connections=4, seconds=0.5, warm_up=0.5, forbidden=0.05))
    assert result.forbidden.sent == result.forbidden.exception > 0
    assert 0 == plc.arrived().forbidden
    assert {"own", "shadow", "recorder"} == set(result.usage)


def test_the_row_of_what_is_installed_says_which_core_it_runs(monkeypatch):
    monkeypatch.setenv("ICSGUARD_CORE", "python")
    assert "(Python core)" in Icsguard().version()
    assert "core" not in Icsguard("icsguard-python", core="python").version()
