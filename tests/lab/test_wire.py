import asyncio

import pytest

from icsguard.lab.wire import Fate, Line
from icsguard.protocols.modbus import build


@pytest.fixture
async def line(plc):
    made = await Line.open(plc.port, "127.0.0.9")
    yield made
    made.close()


async def test_a_read_is_answered_with_its_words(line, plc):
    reply = await line.ask(build.read(3, 0, 2))
    assert reply.fate is Fate.ANSWERED
    assert reply.words == (2000, 2000)
    assert reply.seconds > 0.0


async def test_an_exception_is_a_refusal_with_its_code(line):
    reply = await line.ask(build.read(3, 100, 2))
    assert (reply.fate, reply.exception) == (Fate.REFUSED, 2)


async def test_stacked_requests_are_told_apart_by_their_transaction_identifiers(line):
    replies = await line.burst([build.read(3, 0, 1), build.read(3, 100, 1), build.read(1, 0, 1)])
    assert [reply.pdu[0] for reply in replies] == [3, 0x83, 1]


async def test_no_answer_in_time_is_silence(line, plc):
    plc.silent = True
    assert (await line.ask(build.read(3, 0, 1), within_s=0.05)).fate is Fate.SILENT


async def test_a_closed_connection_is_told(line):
    (reply,) = await line.exchange(b"no modbus at all\r\n", [1])
    assert reply.fate is Fate.CLOSED


async def test_the_client_comes_from_the_address_it_was_given(plc):
    seen = asyncio.get_running_loop().create_future()

    def meet(_reader, writer):
        seen.set_result(writer.get_extra_info("peername"))
        writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        line = await Line.open(server.sockets[0].getsockname()[1], "127.0.0.66")
        assert (await seen)[0] == "127.0.0.66"
        line.close()


async def test_nobody_listening_is_an_error_of_the_operating_system():
    with pytest.raises(ConnectionRefusedError):
        await Line.open(1, "127.0.0.9")
