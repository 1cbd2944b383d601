import asyncio
import json
import os
import stat

import pytest

from icsguard.control.codec import MAX_REQUEST, read_reply, request_line
from icsguard.control.replies import Done, Failure, FailureCode
from icsguard.control.requests import GetStatus, Stop
from icsguard.control.roles import Caller
from icsguard.runtime import control_server
from icsguard.runtime.control_client import NoAnswerError, ask
from icsguard.runtime.control_server import ControlServer, ControlSocketError, caller_named, listening_socket

STRANGER = Caller(4_000_000, "eve", frozenset({"users"}))


class Gateway:
    """A facade that writes down what it was asked, or fails."""

    def __init__(self):
        self.asked = []
        self.error = None

    async def handle(self, request, operator):
        self.asked.append((request, operator))
        if self.error is not None:
            raise self.error
        return Done(text="done")


@pytest.fixture
def gateway():
    return Gateway()


@pytest.fixture
async def server(gateway, tmp_path):
    made = ControlServer(gateway, operators=["@ot"], viewers=["bob"])
    await made.open(tmp_path / "run" / "control.sock")
    yield made
    await made.close()


@pytest.fixture
def path(server, tmp_path):
    return tmp_path / "run" / "control.sock"


async def test_a_request_of_this_user_reaches_the_gateway_with_the_users_name(gateway, path):
    reply = await asyncio.to_thread(ask, path, GetStatus())
    assert Done(text="done") == reply
    assert [(GetStatus(), caller_named(os.getuid(), os.getgid()).user)] == gateway.asked


async def test_one_connection_may_ask_as_often_as_it_likes(path):
    reader, writer = await asyncio.open_unix_connection(path)
    for _ in range(3):
        writer.write(request_line(GetStatus()))
        assert json.loads(await reader.readline())["is"] == "done"
    writer.close()


async def test_the_socket_is_open_to_its_user_and_group_alone(path):
    assert 0o660 == stat.S_IMODE(path.stat().st_mode)


async def test_a_line_without_an_end_gets_one_sentence_and_the_door(path):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"x" * (MAX_REQUEST + 70_000))
    reply = read_reply(await reader.readline())
    assert isinstance(reply, Failure)
    assert b"" == await reader.read()
    writer.close()


async def test_garbage_gets_a_failure_and_the_connection_lives(path):
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(b"\xff\x00 nonsense\n" + request_line(GetStatus()))
    first, second = [read_reply(await reader.readline()) for _ in range(2)]
    assert (FailureCode.INVALID, Done(text="done")) == (first.code, second)
    writer.close()


async def test_a_stranger_may_not_even_look(server, gateway):
    reply = await server.reply_to(request_line(GetStatus()), STRANGER)
    assert FailureCode.DENIED is reply.code
    assert "eve" in reply.text
    assert "viewers" in reply.hint
    assert gateway.asked == []


async def test_a_viewer_may_look_but_not_change(server, gateway):
    bob = Caller(4_000_001, "bob")
    assert Done(text="done") == await server.reply_to(request_line(GetStatus()), bob)
    assert FailureCode.DENIED is (await server.reply_to(request_line(Stop(reason="x")), bob)).code
    assert 1 == len(gateway.asked)


async def test_new_lists_hold_from_the_next_request_on(server):
    anna = Caller(4_000_002, "anna", frozenset({"ot"}))
    assert Done(text="done") == await server.reply_to(request_line(Stop(reason="x")), anna)
    server.authorise(operators=[], viewers=["@ot"])
    assert FailureCode.DENIED is (await server.reply_to(request_line(Stop(reason="x")), anna)).code


async def test_a_fault_behind_the_socket_is_said_and_the_gateway_goes_on(gateway, path):
    gateway.error = ZeroDivisionError("bug")
    reply = await asyncio.to_thread(ask, path, GetStatus())
    assert FailureCode.BROKEN is reply.code
    gateway.error = None
    assert Done(text="done") == await asyncio.to_thread(ask, path, GetStatus())


async def test_a_caller_too_many_is_told_so(path, monkeypatch):
    monkeypatch.setattr(control_server, "MAX_CALLERS", 1)
    _, first = await asyncio.open_unix_connection(path)
    await asyncio.sleep(0)
    reply = await asyncio.to_thread(ask, path, GetStatus())
    assert FailureCode.UNAVAILABLE is reply.code
    first.close()


async def test_what_a_dead_gateway_left_behind_is_replaced(tmp_path):
    path = tmp_path / "control.sock"
    listening_socket(path).close()
    listening_socket(path).close()


async def test_a_living_gateway_is_not_replaced(path):
    with pytest.raises(ControlSocketError, match=f"process {os.getpid()}"):
        await asyncio.to_thread(listening_socket, path)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ControlSocketError, match="icsguard doctor"):
        listening_socket(tmp_path / "file" / "run" / "control.sock")


def test_a_path_that_is_too_long_for_a_socket_is_one_clear_line(tmp_path):
    with pytest.raises(ControlSocketError, match="control socket"):
        listening_socket(tmp_path / ("x" * 120) / "control.sock")


async def test_a_gateway_that_hangs_up_gives_no_answer(tmp_path):
    path = tmp_path / "rude.sock"

    async def hang_up(_reader, writer):
        writer.close()

    async with await asyncio.start_unix_server(hang_up, path):
        with pytest.raises(NoAnswerError):
            await asyncio.to_thread(ask, path, GetStatus())


def test_a_user_without_a_name_is_its_number():
    assert "uid 3999999" == caller_named(3_999_999, 3_999_999).user
