"""The compiled programs of the bench, and a device of one's own choosing to measure against."""

import contextlib
import socket
import struct
import threading

import pytest

from bench.build import NoCompilerError, build
from bench.device import device
from bench.load import Cost, Errors, Fate, Latency, Result
from bench.process import free_port
from bench.rounds import Row


@pytest.fixture(scope="session")
def programs():
    try:
        return build()
    except NoCompilerError as error:
        pytest.skip(str(error))


@pytest.fixture
def plc(programs, tmp_path):
    with device(programs, free_port(), tmp_path / "device.log") as running:
        yield running


class Talk:
    """One connection that speaks Modbus by hand."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 5)

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        head = self._exactly(6)
        return head + self._exactly(int.from_bytes(head[4:6]))

    def ask(self, pdu, tid=1, unit=1):
        self.send(struct.pack(">HHHB", tid, 0, len(pdu) + 1, unit) + pdu)
        return self.receive()[7:]

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                raise EOFError(data)
            data += part
        return data


@pytest.fixture
def talk_to():
    with contextlib.ExitStack() as stack:

        def connect(port):
            talk = Talk(port)
            stack.callback(talk.socket.close)
            return talk

        yield connect


@pytest.fixture
def fake_server():
    """Start a server whose answer to each ADU is `answer(adu)`; None closes the connection, b"" says nothing."""
    with contextlib.ExitStack() as stack:

        def start(answer):
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            threads = []

            def serve(peer):
                held = b""
                with peer, contextlib.suppress(OSError):
                    while data := peer.recv(4096):
                        held += data
                        while len(held) >= 8 and len(held) >= 6 + held[5]:
                            adu, held = held[: 6 + held[5]], held[6 + held[5] :]
                            reply = answer(adu)
                            if reply is None:
                                return
                            peer.sendall(reply)

            def accept():
                with contextlib.suppress(OSError):
                    while True:
                        peer, _ = listener.accept()
                        threads.append(threading.Thread(target=serve, args=(peer,)))
                        threads[-1].start()

            acceptor = threading.Thread(target=accept)
            acceptor.start()

            def end():
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                acceptor.join(5)
                for thread in threads:
                    thread.join(5)

            stack.callback(end)
            return listener.getsockname()[1]

        yield start


def _latency(p50=100.0, p999=500.0):
    return Latency(1000, p50, p50, 2 * p50, 3 * p50, p999, p999)


@pytest.fixture
def a_row():
    """Make a row of a made-up round."""

    def make(round_number, contender, scenario="c16", **about):
        per_second, own_us = about.get("per_second", 1000.0), about.get("own_us", 10.0)
        errors = about.get("errors", 0)
        rss_kb = about.get("rss_kb", {})
        usage = {name: Cost(int(own_us * 1e3 * 1000), kb) for name, kb in ({"own": 20_000} | rss_kb).items()}
        result = Result(
            connections=16,
            depth=1,
            loop="closed",
            rate=0.0,
            seconds=1.0,
            seed=1,
            completed=1000,
            per_second=per_second,
            reads=_latency(p999=about.get("p999", 500.0)),
            writes=_latency(),
            refusals=_latency(),
            forbidden=Fate(about.get("sent", 0), 0, about.get("sent", 0), 0, 0),
            harmed=0,
            reconnects=0,
            errors=Errors(errors, errors, 0, 0, 0, 0, 0),
            told=("connection 1: <other> registers",) if errors else (),
            usage=usage,
        )
        return Row(round_number, contender, scenario, steady=True, result=result, side=tuple(rss_kb))

    return make
