import contextlib
import os
import socket
import threading

import pytest

from icsguard.control.codec import reply_line
from icsguard.control.replies import Done
from icsguard.control.requests import GetStatus
from icsguard.runtime import control_client
from icsguard.runtime.control_client import NoAnswerError, NoPermissionError, NotRunningError, ask, peer_pid


@contextlib.contextmanager
def answering(path, *pieces):
    """A gateway that sends these pieces to its one caller."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def serve():
        channel, _ = listener.accept()
        with channel, contextlib.suppress(OSError):  # the caller may leave early
            channel.recv(65536)
            for piece in pieces:
                channel.sendall(piece)
            if not pieces:
                channel.recv(1)  # until the caller gives up

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        thread.join(5)
        listener.close()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "control.sock"


def test_an_answer_in_pieces_is_put_together(path):
    line = reply_line(Done(text="x" * 100_000))
    with answering(path, line[:10], line[10:70_000], line[70_000:]):
        assert Done(text="x" * 100_000) == ask(path, GetStatus())


def test_no_socket_is_not_running(path):
    with pytest.raises(NotRunningError, match="not running"):
        ask(path, GetStatus())


def test_a_socket_without_a_listener_is_not_running(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(NotRunningError):
        ask(path, GetStatus())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every socket")
def test_a_socket_that_may_not_be_opened_is_a_matter_of_permission(path):
    with answering(path, reply_line(Done(text="x"))):
        path.chmod(0)
        with pytest.raises(NoPermissionError):
            ask(path, GetStatus())
        path.chmod(0o600)
        ask(path, GetStatus())


def test_a_refused_connect_is_a_matter_of_permission(path, monkeypatch):
    def refuse(_channel, _address):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(control_client.socket.socket, "connect", refuse)
    with pytest.raises(NoPermissionError, match="may not open"):
        ask(path, GetStatus())


def test_a_gateway_that_does_not_answer_is_not_waited_for(path):
    with answering(path), pytest.raises(NoAnswerError, match=r"within 0\.1 s"):
        ask(path, GetStatus(), timeout_s=0.1)


def test_an_answer_that_is_none_is_named(path):
    with answering(path, b"hello\n"), pytest.raises(NoAnswerError, match="version"):
        ask(path, GetStatus())


def test_an_endless_answer_is_cut_off(path, monkeypatch):
    monkeypatch.setattr(control_client, "MAX_REPLY", 1000)
    with answering(path, b"x" * 2000), pytest.raises(NoAnswerError, match="longer"):
        ask(path, GetStatus())


def test_who_listens_is_known_from_the_kernel(path):
    with answering(path, b"x"):
        assert os.getpid() == peer_pid(path)
    assert peer_pid(path) is None
