import asyncio
import os
import socket

import pytest
from structlog.testing import capture_logs

from icsguard.control import links
from icsguard.core.transaction import Question
from icsguard.runtime import link as module
from icsguard.runtime.link import MAX_PEERS, LinkClient, LinkServer, remove_stale_socket


@pytest.fixture
async def server(tmp_path):
    heard, ups, downs = [], [], []
    made = LinkServer(
        tmp_path / "run" / "x.sock", lambda link, m: heard.append((link, m)), on_up=ups.append, on_down=downs.append
    )
    made.heard, made.ups, made.downs = heard, ups, downs
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def client(server):
    heard = []
    made = LinkClient(server.path, lambda link, m: heard.append(m), on_up=lambda link: link.send(links.Ping(0)))
    made.heard = heard
    made.start()
    yield made
    await made.stop()


async def test_messages_go_both_ways(server, client, wait_until):
    await wait_until(lambda: server.heard)
    link, message = server.heard[0]
    assert links.Ping(0) == message
    assert link.send(links.Pong(7))
    await wait_until(lambda: client.heard)
    assert [links.Pong(7)] == client.heard


async def test_a_client_comes_back_by_itself(server, client, wait_until):
    await wait_until(lambda: server.ups)
    server.peers[0].close()
    await wait_until(lambda: len(server.ups) == 2)
    assert 1 == len(server.downs)
    assert client.send(links.Ping(5))


async def test_a_client_waits_for_its_server(tmp_path, wait_until):
    client = LinkClient(tmp_path / "late.sock", lambda link, m: None)
    client.start()
    assert not client.send(links.Ping(1))
    server = LinkServer(tmp_path / "late.sock", lambda link, m: None)
    await server.start()
    await wait_until(lambda: client.link is not None)
    await client.stop()
    await server.stop()


async def test_a_peer_that_does_not_read_is_shed_not_waited_for(server, client, wait_until, monkeypatch):
    monkeypatch.setattr(module, "MAX_OUT_BYTES", 100_000)
    await wait_until(lambda: server.peers and client.link)
    client.link._transport.pause_reading()
    big = links.Configure(bytes(60_000), 0)
    sent = [server.peers[0].send(big) for _ in range(20)]
    assert sent[0]
    assert not sent[-1]
    assert sent.count(False) == server.peers[0].shed


async def test_a_stream_that_breaks_the_law_ends_its_link_alone(server, client, wait_until):
    await wait_until(lambda: len(server.peers) == 1)
    with capture_logs() as logs:
        _, writer = await asyncio.open_unix_connection(str(server.path))
        writer.write(b"\xff\xff\xff\xff")
        await wait_until(lambda: server.downs)
        writer.close()
    assert "link_broken" == logs[0]["event"]
    assert client.send(links.Ping(1))


async def test_connections_are_bounded(server):
    writers = [(await asyncio.open_unix_connection(str(server.path))) for _ in range(MAX_PEERS + 1)]
    assert b"" == await asyncio.wait_for(writers[-1][0].read(), 2)
    assert MAX_PEERS == len(server.peers)
    for _, writer in writers:
        writer.close()


async def test_the_socket_is_for_its_owner_and_group_only(server):
    assert 0o660 == server.path.stat().st_mode & 0o777


def test_something_that_is_no_socket_is_not_removed(tmp_path):
    file = tmp_path / "x.sock"
    file.write_text("precious")
    with pytest.raises(FileExistsError, match="is no socket"):
        remove_stale_socket(file)
    assert "precious" == file.read_text()


async def test_the_socket_of_a_living_gateway_is_not_taken(server):
    with pytest.raises(FileExistsError, match="another gateway listens"):
        await LinkServer(server.path, lambda link, m: None).start()
    _, writer = await asyncio.open_unix_connection(str(server.path))
    writer.close()


async def test_the_socket_of_a_dead_one_is_replaced(tmp_path):
    path = tmp_path / "x.sock"
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(path))
    dead.close()
    server = LinkServer(path, lambda link, m: None)
    await server.start()
    await server.stop()
    assert not path.exists()


@pytest.fixture
def asked():
    return links.Ask(Question(7, "cell", 3, "10.0.0.9", 1, b"\x00\x01"))


async def test_a_question_goes_before_the_turn_of_the_loop_ends(server, client, wait_until, asked):
    await wait_until(lambda: server.ups)
    with socket.socket(fileno=os.dup(client.link._transport.get_extra_info("socket").fileno())) as other_end:
        client.link._transport.pause_reading()
        other_end.settimeout(0)
        assert server.peers[0].send(asked)
        assert links.encode(asked) == other_end.recv(4096)


async def test_a_question_never_overtakes_what_is_queued(server, client, wait_until, asked):
    await wait_until(lambda: server.ups)
    link = server.peers[0]
    batches = [links.LinkRecords(()) for _ in range(3)]
    for batch in (*batches, asked, links.Pong(1), asked):
        assert link.send(batch)
    await wait_until(lambda: len(client.heard) == 6)
    assert [*batches, asked, links.Pong(1), asked] == client.heard


async def test_of_a_question_that_the_socket_takes_in_part_the_rest_follows(
    server, client, wait_until, asked, monkeypatch
):
    await wait_until(lambda: server.ups)
    real = os.write
    monkeypatch.setattr(module.os, "write", lambda fd, data: real(fd, data[:5]))
    assert server.peers[0].send(asked)
    monkeypatch.undo()
    await wait_until(lambda: client.heard)
    assert [asked] == client.heard


async def test_a_question_to_a_full_socket_is_queued(server, client, wait_until, asked, monkeypatch):
    await wait_until(lambda: server.ups)

    def full(fd, data):
        raise BlockingIOError

    monkeypatch.setattr(module.os, "write", full)
    assert server.peers[0].send(asked)
    monkeypatch.undo()
    await wait_until(lambda: client.heard)
    assert [asked] == client.heard
