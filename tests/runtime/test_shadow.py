"""The shadow against a gateway's end of the link, with real sockets, models and a process that is killed."""

import asyncio
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings, ShadowSettings, UaSettings
from icsguard.control import links
from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.meaning import Intent, NodeAccess
from icsguard.core.method import Effect
from icsguard.core.sandbox import Option, Play
from icsguard.core.transaction import Outcome, Question, Transaction
from icsguard.lab import registers as at
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.lab.operations import switch
from icsguard.learn.export import export, site_key
from icsguard.learn.fit import fit
from icsguard.policy.nodes.rules import NodePolicy, NodeRule
from icsguard.policy.rules import Policy
from icsguard.protocols.modbus import build
from icsguard.protocols.opcua.builtin import DataValue, QualifiedName, Variant
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse, ReadValueId
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request, build_response
from icsguard.protocols.opcua.times import ticks_of
from icsguard.runtime.backlog import MAX_BATCHES
from icsguard.runtime.clock import Clock
from icsguard.runtime.link import LinkServer
from icsguard.runtime.shadow import ShadowProcess, nodes_of, options_of

CONDUIT = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))


@pytest.fixture(scope="module")
def fitted():
    return fit(OfflineCell(1).run(60), CONDUIT, horizon_s=12)


class Gateway:
    """The gateway's end: configures the shadow, asks it, keeps what it hears."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(
            GatewaySettings(state_dir=str(folder), run_dir=str(folder / "run")),
            (CONDUIT,),
            shadow=ShadowSettings(models_dir=str(folder / "models"), horizon_s=12.0),
        )
        self.heard: list[links.Message] = []
        self.changed = asyncio.Event()
        self.clock = Clock()
        self.server = LinkServer(folder / "run" / "shadow.sock", self._hear)

    def _hear(self, link, message) -> None:
        self.heard.append(message)
        self.changed.set()
        if isinstance(message, links.Hello):
            link.send(links.Configure(msgspec.msgpack.encode(self.settings), self.clock.anchor, "r1", ()))

    def send(self, message) -> None:
        self.server.peers[-1].send(message)

    async def until(self, condition, seconds=20.0):
        async with asyncio.timeout(seconds):
            while not (found := [one for one in self.heard if condition(one)]):
                self.changed.clear()
                await self.changed.wait()
        return found[-1]

    async def mirror(self, transactions) -> None:
        for start in range(0, len(transactions), links.MAX_BATCH):
            self.send(links.Batch(list(transactions[start : start + links.MAX_BATCH]), []))
            await asyncio.sleep(0)

    async def ask(self, number, pdu):
        question = Question(number, "cell", 1, "127.0.1.1", self.clock.now(), build.adu(number, 1, pdu))
        self.send(links.Ask(question))
        answer = await self.until(lambda one: isinstance(one, links.Answer) and one.opinion.number == number)
        return answer.opinion

    async def status(self, condition):
        found = await self.until(lambda one: isinstance(one, links.Status) and condition(one.facts))
        return found.facts


def _live(gateway, transactions):
    """Move a recording to the gateway's present."""
    shift = gateway.clock.now() - transactions[-1].response_at
    return [
        one._replace(request_at=one.request_at + shift, response_at=one.response_at and one.response_at + shift)
        for one in transactions
    ]


@pytest.fixture
async def gateway(tmp_path):
    made = Gateway(tmp_path)
    await made.server.start()
    yield made
    await made.server.stop()


@pytest.fixture
async def shadow(gateway, tmp_path):
    process = ShadowProcess(tmp_path / "run")
    task = asyncio.get_running_loop().create_task(process.run())
    yield process
    process.stop()
    await task


async def test_a_dangerous_write_is_refused_through_the_socket(gateway, shadow, fitted, tmp_path):
    export(fitted, tmp_path / "models" / "cell", site_key(tmp_path))
    await gateway.status(lambda facts: "cell.model" in facts)
    recording = OfflineCell(7).run(10, None)
    await gateway.mirror(_live(gateway, recording))
    async with asyncio.timeout(20):
        while shadow._core.status(gateway.clock.now())["transactions"] < len(recording):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    opinion = await gateway.ask(5, switch(at.PUMP_2, on=False))
    assert opinion.decision is Decision.REFUSE
    assert opinion.findings[0].code == "unsafe-consequence"
    assert len(opinion.model_digest) == 12


async def test_without_models_questions_are_answered_at_once(gateway, shadow):
    await gateway.until(lambda one: isinstance(one, links.Hello))
    began = time.monotonic()
    opinion = await gateway.ask(1, switch(at.PUMP_2, on=False))
    assert time.monotonic() - began < 1.0
    assert (1, Decision.ALLOW, "") == (opinion.number, opinion.decision, opinion.model_digest)
    assert "nothing learnt" in (await gateway.status(lambda facts: "cell.twin" in facts))["cell.twin"]


async def test_a_model_that_appears_later_is_taken_into_use(gateway, shadow, fitted, tmp_path):
    await gateway.status(lambda facts: "cell.twin" in facts)
    export(fitted, tmp_path / "models" / "cell", site_key(tmp_path))
    facts = await gateway.status(lambda facts: "cell.model" in facts)
    assert facts["cell.twin"] == "no sync"


async def test_a_spoiled_model_is_refused_told_and_done_without(gateway, shadow, fitted, tmp_path):
    export(fitted, tmp_path / "models" / "cell", site_key(tmp_path))
    site = tmp_path / "models" / "cell" / "site.json"
    site.write_bytes(site.read_bytes() + b" ")
    facts = await gateway.status(lambda facts: "refused.cell" in facts)
    assert "install the model again" in facts["refused.cell"]
    told = await gateway.until(lambda one: isinstance(one, links.LinkRecords))
    assert "the model of cell is not used" in told.records[0].text
    assert (await gateway.ask(2, switch(at.PUMP_2, on=False))).decision is Decision.ALLOW


async def test_findings_and_wishes_to_isolate_are_sent(gateway, shadow):
    await gateway.status(lambda facts: "cell.twin" in facts)
    cell = OfflineCell(2)
    refused = [cell.ask(switch(9, on=True), client="127.0.9.9", outcome=Outcome.REFUSED) for _ in range(4)]
    await gateway.mirror(refused)
    found = await gateway.until(lambda one: isinstance(one, links.Found) and one.isolations)
    assert found.isolations[0].client == "127.0.9.9"
    assert "refused-often" in {one.code for one in found.findings}


async def test_points_are_shown_and_pings_answered(gateway, shadow):
    await gateway.status(lambda facts: "cell.twin" in facts)
    await gateway.mirror(_live(gateway, OfflineCell(2).run(1, None)))
    gateway.send(links.Ping(9))
    gateway.send(links.PointsRequest(4, "cell"))
    await gateway.until(lambda one: isinstance(one, links.Pong) and one.number == 9)
    await gateway.status(lambda facts: facts["transactions"] >= 32)
    gateway.send(links.PointsRequest(5, "cell"))
    reply = await gateway.until(lambda one: isinstance(one, links.PointsReply) and one.number == 5)
    assert "good" == {one.name: one.quality for one in reply.points}["level_1"]


async def test_alternatives_are_tried_through_the_socket(gateway, shadow, fitted, tmp_path):
    trusted = tuple(replace(one, trusted_steps=60) if one.band else one for one in fitted.model.columns)
    sure = replace(fitted, model=replace(fitted.model, columns=trusted))  # the gate is judged in detect/test_judging
    export(sure, tmp_path / "models" / "cell", site_key(tmp_path))
    await gateway.status(lambda facts: "cell.model" in facts)
    await gateway.mirror(_live(gateway, OfflineCell(7).run(10, None)))
    async with asyncio.timeout(20):
        while shadow._backlog:  # noqa: ASYNC110 - the process under test has no event for this
            await asyncio.sleep(0)
    gateway.send(links.TryRequest(8, "cell", (Option(Play.WRITE, values=(("pump_2", 0.0),)),)))
    reply = await gateway.until(lambda one: isinstance(one, links.TryReply) and one.number == 8)
    assert ["do nothing", "write pump_2 = 0"] == [one.name for one in reply.result.options], reply.result.note
    assert reply.result.options[1].is_worse


async def test_a_flood_of_batches_is_shed_and_counted_while_questions_are_answered(gateway, shadow):
    await gateway.status(lambda facts: "cell.twin" in facts)
    (one,) = OfflineCell(2).run(0.01, None)[:1]
    batch = links.Batch([one] * links.MAX_BATCH, [])
    for _ in range(MAX_BATCHES + 200):
        shadow._heard(None, batch)
    assert len(shadow._backlog) == MAX_BATCHES
    assert shadow._backlog.shed == 200
    began = time.monotonic()
    opinion = await gateway.ask(3, switch(at.PUMP_2, on=False))
    assert opinion.number == 3
    assert time.monotonic() - began < 2.0


async def test_a_question_behind_a_backlog_is_answered_after_a_slice_of_it(gateway, shadow):
    await gateway.status(lambda facts: "cell.twin" in facts)
    recording = OfflineCell(2).run(60, None)
    for start in range(0, len(recording), links.MAX_BATCH):
        shadow._heard(None, links.Batch(list(recording[start : start + links.MAX_BATCH]), []))
    waiting = len(shadow._backlog)
    question = Question(8, "cell", 1, "127.0.1.1", gateway.clock.now(), build.adu(8, 1, switch(at.PUMP_2, on=False)))
    assert 8 == shadow._answer(question)[1].number
    assert waiting - 10 < len(shadow._backlog) <= waiting


async def test_a_bug_while_judging_lets_the_write_pass_and_is_counted(gateway, shadow, monkeypatch):
    await gateway.status(lambda facts: "cell.twin" in facts)
    monkeypatch.setattr(shadow._core, "ask", lambda *_: 1 / 0)
    assert (await gateway.ask(6, switch(at.PUMP_2, on=False))).decision is Decision.ALLOW
    assert shadow._failed == 1


def test_the_core_gets_what_the_settings_say():
    settings = Settings(GatewaySettings(), (CONDUIT,), shadow=ShadowSettings(horizon_s=7.0))
    options = options_of(settings)
    assert ("cell", 7.0) == (options.conduits[0].name, options.horizon_s)
    assert options.conduits[0].points == CONDUIT.policy.points


def test_conduits_of_opcua_are_followed_with_what_their_methods_do():
    effects = (Effect("pump", 0),)
    rule = NodeRule("start", services=(712,), methods=("nsu=urn:plant;s=Start",), sets=effects)
    policy = Policy(points=cell_points(), opcua=NodePolicy(rules=(rule,)))
    ua = replace(CONDUIT, name="ua", protocol="opcua", policy=policy, opcua=UaSettings(clock_skew_s=7))
    found = nodes_of(Settings(gateway=GatewaySettings(), conduits=(CONDUIT, ua)))
    assert ["ua"] == list(found)
    assert (policy.points, 7 * SECOND) == (found["ua"].points, found["ua"].skew_ns)
    assert effects == found["ua"].methods.effects(NodeAccess(Intent.EXECUTE, "nsu=urn:plant;s=Start"))


async def test_a_server_in_another_hour_is_told_and_bad_values_are_shown(gateway, shadow):
    point = replace(cell_points()[0], name="speed", node="i=1000")
    policy = Policy(points=(point,), opcua=NodePolicy())
    ua = replace(CONDUIT, name="ua", protocol="opcua", policy=policy, opcua=UaSettings())
    settings = msgspec.msgpack.encode(replace(gateway.settings, conduits=(ua,)))
    await gateway.status(lambda facts: "cell.twin" in facts)
    gateway.send(links.Configure(settings, gateway.clock.anchor, "r1", ()))
    await gateway.status(lambda facts: "ua.twin" in facts)
    now = gateway.clock.now()
    wish = ReadValueId(NodeId(0, "i", 1000), 13, None, QualifiedName())
    asked = build_request(RequestHeader(), ReadRequest(0.0, 0, (wish,)))
    value = DataValue(Variant(11, 1.0), 0x80050000)
    header = ResponseHeader(timestamp=ticks_of(now - 3600 * SECOND))
    answer = build_response(631, header, ReadResponse((value,), None))
    row = Transaction(1, "ua", 1, "127.0.0.1", now, now, asked, answer, 0, int(Outcome.ANSWERED))
    await gateway.mirror([row])
    found = await gateway.until(lambda one: isinstance(one, links.Found))
    assert ["clock-skew"] == [one.code for one in found.findings]
    gateway.send(links.PointsRequest(5, "ua"))
    reply = await gateway.until(lambda one: isinstance(one, links.PointsReply) and one.number == 5)
    assert [("bad: 0x80050000 BadCommunicationError", 0x80050000)] == [
        (one.quality, one.status) for one in reply.points
    ]


async def test_a_killed_shadow_leaves_the_link_and_a_new_one_takes_its_place(gateway, tmp_path):
    config = tmp_path / "icsguard.toml"
    config.write_text(f'[gateway]\nrun = "{tmp_path / "run"}"\n', encoding="utf-8")
    command = (sys.executable, "-m", "icsguard.runtime.shadow", "--config", str(config))
    for _ in range(2):
        gateway.heard.clear()
        process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
        await gateway.until(lambda one: isinstance(one, links.Status))
        assert (await gateway.ask(1, switch(at.PUMP_2, on=False))).decision is Decision.ALLOW
        process.send_signal(signal.SIGKILL)
        await process.wait()
    assert process.returncode == -signal.SIGKILL


async def test_the_process_ends_on_sigterm(gateway, tmp_path):
    config = tmp_path / "icsguard.toml"
    config.write_text(f'[gateway]\nrun = "{tmp_path / "run"}"\n', encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "icsguard.runtime.shadow", "--config", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    await gateway.until(lambda one: isinstance(one, links.Status))
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 10) == 0
