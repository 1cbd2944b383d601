import os
import socket

import pytest

from icsguard.runtime import systemd


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path, monkeypatch):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(tmp_path / "notify") if request.param == "file" else "")
    name = listener.getsockname()
    monkeypatch.setenv("NOTIFY_SOCKET", name if isinstance(name, str) else "@" + name[1:].decode())
    listener.settimeout(2)
    yield listener
    listener.close()


def test_ready_is_said_with_a_status(manager):
    assert systemd.ready("2 conduits")
    assert b"READY=1\nSTATUS=2 conduits" == manager.recv(100)


def test_stopping_and_alive_are_said(manager):
    assert systemd.stopping()
    assert systemd.alive()
    assert [b"STOPPING=1", b"WATCHDOG=1"] == [manager.recv(100), manager.recv(100)]


def test_without_a_service_manager_nothing_happens(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not systemd.ready()


def test_a_service_manager_that_is_gone_stops_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    assert not systemd.ready()


@pytest.mark.parametrize(
    ("micro", "pid", "expected"),
    [
        ("5000000", "", 5.0),
        ("5000000", "own", 5.0),
        ("5000000", "1", None),
        ("", "", None),
        ("0", "", None),
        ("x", "", None),
    ],
)
def test_the_watchdog_is_fed_only_where_there_is_one_for_this_process(monkeypatch, micro, pid, expected):
    monkeypatch.setenv("WATCHDOG_USEC", micro)
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "own" else pid)
    assert expected == systemd.watchdog_s()
