import asyncio

import pytest

from icsguard.conversation.opcua.guard import MAX_HALF_OPEN_EACH
from icsguard.protocols.opcua.handshake import Hello, greeting
from icsguard.protocols.opcua.uacp import Framer


async def test_a_device_that_cannot_be_reached_is_told_to_the_client_at_once(ua_site):
    scene = await ua_site()
    scene.device.close()
    with pytest.raises(ConnectionError):
        await asyncio.wait_for(scene.reader(), 5)


async def test_a_device_that_goes_away_ends_its_clients_and_others_come_again(ua_site):
    scene = await ua_site()
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 5)
    scene.hang_up()
    await scene.until(lambda: reader.errors)
    again = await scene.reader()
    again.begin()
    await scene.until(lambda: again.answers > 5)
    assert 0 == again.errors


async def test_a_client_that_says_nothing_is_let_go_after_its_time(ua_site):
    scene = await ua_site(handshake_timeout_s=1)
    stream, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    await asyncio.wait_for(stream.read(), 5)
    writer.close()
    await scene.until(lambda: not scene.listener.ends)


async def test_a_stranger_who_speaks_something_else_gets_an_error_and_an_end(ua_site):
    scene = await ua_site()
    stream, writer = await asyncio.open_connection("127.0.0.1", scene.port)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    (answer,) = Framer().feed(await asyncio.wait_for(stream.read(), 5))
    assert b"ERR" == answer.kind
    writer.close()


async def test_a_client_that_reads_nothing_stalls_nobody_else(ua_site):
    scene = await ua_site()
    deaf = await scene.reader()
    deaf.begin()
    deaf._transport.pause_reading()
    for _ in range(3000):
        deaf.again()
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 50)
    assert 0 == reader.errors
    deaf._transport.abort()
    await scene.until(lambda: len(scene.guard.sessions) == 1)


async def test_many_who_only_greet_leave_nothing_behind(ua_site):
    scene = await ua_site()
    writers = []
    for _ in range(30):
        _, writer = await asyncio.open_connection("127.0.0.1", scene.port)
        writer.write(greeting(Hello(0, 65536, 65536, 0, 0, "opc.tcp://127.0.0.1")))
        writers.append(writer)
    await scene.until(lambda: scene.guard.counters.shed_clients or len(scene.listener.ends) >= MAX_HALF_OPEN_EACH)
    assert len(scene.listener.ends) <= 30
    for writer in writers:
        writer.transport.abort()
    await scene.until(lambda: not scene.listener.ends)
    assert not scene.guard.sessions
    assert {} == scene.guard.half_open
