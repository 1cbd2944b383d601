"""The relay: bytes go through unchanged, both ways, and an end is an end."""

import hashlib
import socket
import threading

import pytest

from bench.peers.api import Stage
from bench.peers.plain import Direct, Relay
from bench.place import choose
from icsguard.protocols.modbus import build


@pytest.fixture
def stage(programs, tmp_path, plc):
    return Stage(choose(realtime=False), programs, tmp_path, plc.port)


def test_a_transaction_goes_through(stage, talk_to):
    with Relay().stand(stage) as standing:
        assert b"\x06\x00\x0a\x00\x01" == talk_to(standing.port).ask(build.write_register(10, 1))


def test_direct_is_the_device_itself(stage):
    with Direct().stand(stage) as standing:
        assert stage.device_port == standing.port
        assert {"own": ()} == standing.watched


def test_much_more_than_a_buffer_arrives_whole(programs, tmp_path):
    sent = bytes(range(256)) * 40_000
    with socket.create_server(("127.0.0.1", 0)) as sink:
        stage = Stage(choose(realtime=False), programs, tmp_path, sink.getsockname()[1])
        with Relay().stand(stage) as standing, socket.create_connection(("127.0.0.1", standing.port)) as client:
            sink.accept()[0].close()  # the probe that saw the relay listen
            peer, _ = sink.accept()
            writer = threading.Thread(target=lambda: (client.sendall(sent), client.shutdown(socket.SHUT_WR)))
            writer.start()
            digest = hashlib.sha256()
            with peer:
                while data := peer.recv(65_536):
                    digest.update(data)
            writer.join(5)
    assert hashlib.sha256(sent).digest() == digest.digest()


def test_when_the_device_goes_the_client_is_told(stage, plc, talk_to):
    with Relay().stand(stage) as standing:
        talk = talk_to(standing.port)
        talk.ask(build.read(3, 0, 1))
        plc.process.terminate()
        with pytest.raises((EOFError, ConnectionResetError)):
            talk.receive()
