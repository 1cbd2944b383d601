import asyncio

import pytest
from structlog.testing import capture_logs

from icsguard.control import links
from icsguard.core.live import PointState
from icsguard.runtime.clock import Clock
from icsguard.runtime.link import LinkClient
from icsguard.runtime.mirror import Peer
from icsguard.runtime.parts import MAX_POINT_QUESTIONS, Part, Questions


@pytest.fixture
async def part(tmp_path):
    heard, changes = [], []
    made = Part("shadow", tmp_path / "shadow.sock", Peer(), Clock(), heard.append)
    made.heard, made.changes = heard, changes
    made.configure = lambda: links.Configure(b"x", 5)
    made.on_change = made.changes.append
    await made.start()
    yield made
    await made.stop()


def peer(part, role="shadow"):
    heard = []
    client = LinkClient(
        part._server.path, lambda link, m: heard.append(m), on_up=lambda link: link.send(links.Hello(role, 7, "v", "m"))
    )
    client.heard = heard
    client.start()
    return client


async def test_who_introduces_itself_is_configured_and_in_use(part, wait_until):
    client = peer(part)
    await wait_until(lambda: client.heard)
    assert [links.Configure(b"x", 5)] == client.heard
    assert (True, 7, ["up"]) == (part.is_up, part.pid, part.changes)
    await client.stop()
    await wait_until(lambda: part.changes == ["up", "down"])
    assert ("down", 7) == (part.status().state, part.status().pid)


async def test_a_stranger_on_the_socket_is_not_in_use(part, wait_until):
    with capture_logs() as logs:
        client = peer(part, role="recorder")
        await wait_until(lambda: logs)
        await client.stop()
    assert ("wrong_role", "recorder") == (logs[0]["event"], logs[0]["got"])
    assert not part.is_up


async def test_the_newest_of_two_is_the_one_in_use(part, wait_until):
    old = peer(part)
    await wait_until(lambda: part.is_up)
    first = part.peer.link
    new = peer(part)
    await wait_until(lambda: part.peer.link is not first)
    assert "down" not in part.changes
    await old.stop()
    await new.stop()


async def test_status_is_kept_and_other_words_are_passed_on(part, wait_until):
    client = peer(part)
    await wait_until(lambda: part.is_up)
    client.send(links.Status("shadow", {"points": 5, "model_digest": "m2"}))
    client.send(links.Ping(1))
    await wait_until(lambda: part.heard)
    assert ({"points": 5, "model_digest": "m2"}, "m2") == (part.facts, part.model_digest)
    assert part.facts == part.status().facts
    await client.stop()


class Deaf:
    def send(self, message):
        self.message = message
        return True


async def test_points_are_answered_by_number():
    questions, link = Questions(), Deaf()
    asked = asyncio.get_running_loop().create_task(questions.ask(link, "plc1"))
    await asyncio.sleep(0)
    state = PointState("plc1", "speed", "rpm", 1.0, 5, "good")
    questions.answered(links.PointsReply(link.message.number, (state,)))
    assert (state,) == await asked
    questions.answered(links.PointsReply(99, ()))


async def test_no_shadow_no_points():
    assert await Questions().ask(None, "") is None


async def test_questions_under_way_are_bounded(monkeypatch):
    monkeypatch.setattr("icsguard.runtime.parts.POINTS_WAIT_S", 0.05)
    questions = Questions()
    tasks = [asyncio.get_running_loop().create_task(questions.ask(Deaf(), "")) for _ in range(MAX_POINT_QUESTIONS)]
    await asyncio.sleep(0)
    assert await questions.ask(Deaf(), "") is None
    assert [None] * MAX_POINT_QUESTIONS == await asyncio.gather(*tasks)
    assert {} == questions._waiting
