"""The shadow process: answers questions at once, learns from the mirror what the plant does, scores when there is time.

It touches neither the network nor the plant. Killed, hung or flooded it costs the gateway nothing but its opinion: the
gateway keeps the deadline. Here questions go first, the image second, scores last; what cannot be done is shed and
counted. Models are loaded and probed beside the loop, and swapped in when they are ready.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

import icsguard
from icsguard.config.settings import Settings
from icsguard.control import links
from icsguard.core.clock import MS, SECOND
from icsguard.core.decision import Decision
from icsguard.core.method import Methods
from icsguard.core.sandbox import Option, Sandbox
from icsguard.core.transaction import Opinion, Question, Transaction
from icsguard.detect.clocks import skewed
from icsguard.detect.options import ConduitOptions, ShadowOptions
from icsguard.detect.shadow import Shadow
from icsguard.evidence.own import OwnRecords
from icsguard.runtime import log, systemd
from icsguard.runtime.backlog import Backlog
from icsguard.runtime.clock import Clock
from icsguard.runtime.link import Link, LinkClient
from icsguard.runtime.model_store import CHALLENGER, MANIFEST, Models, ModelStore
from icsguard.runtime.ring import Ring
from icsguard.runtime.side_process import run_beside
from icsguard.runtime.tasks import spawn
from icsguard.runtime.warmth import Warmth
from icsguard.twin.node_traffic import Followed, NodeTraffics, worst
from icsguard.twin.site_model import Site

SLICE: Final = 8
"""Transactions observed in one go: a question that comes meanwhile waits 0.2 ms."""
CATCH_UP_NS: Final = MS
"""So long waiting transactions are observed before a question is answered: the freshest image at a bounded price."""
IDLE_S: Final = 0.2
STATUS_S: Final = 1.0
_LOG: Final = log.get_logger("icsguard.shadow")


def options_of(settings: Settings) -> ShadowOptions:
    """Return what the shadow's core needs of the settings."""
    conduits = tuple(
        ConduitOptions(one.name, one.policy.points, one.isolation.threshold, one.isolation.seconds, one.protocol)
        for one in settings.conduits
    )
    shadow = settings.shadow
    return ShadowOptions(conduits, shadow.horizon_s, shadow.score_every_s, shadow.alarms_per_day)


def nodes_of(settings: Settings) -> dict[str, Followed]:
    """Return what is to be known of the conduits that speak OPC UA."""
    return {
        one.name: Followed(
            one.policy.points,
            Methods(one.policy.opcua.methods() if one.policy.opcua else ()),
            one.opcua.clock_skew_s * SECOND,
        )
        for one in settings.conduits
        if one.opcua is not None
    }


class ShadowProcess:
    """One shadow, but for the start of its process and its signals."""

    def __init__(self, run_folder: Path) -> None:
        """`run_folder` holds the gateway's sockets; everything else comes from the gateway."""
        self._clock = Clock()
        self._own = OwnRecords(f"s{os.getpid():x}{self._clock.now() // SECOND & 0xFFFF:04x}")
        self._link = LinkClient(run_folder / "shadow.sock", self._heard, on_up=self._hello)
        self._core = Shadow(ShadowOptions(), {}, None)
        self._store = ModelStore()
        self._ring = Ring()
        self._warmth = Warmth(self._rehearse)
        self._sites: Mapping[str, Site | None] = {}
        self._in_use: tuple[object, ...] = ()
        self._settings: Settings | None = None
        self._raw = b""
        self._stamp: tuple[object, ...] = ()
        self._refused: dict[str, str] = {}
        self._backlog = Backlog()
        self._failed = 0
        self._slowest_ns = 0
        self._nodes = NodeTraffics()
        self._wake, self._reload, self._stopping = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Work until `stop` is called."""
        self._link.start()
        tasks = [spawn(self._tell_status(), "shadow-status"), spawn(self._keep_models(), "shadow-models")]
        systemd.ready("waiting for the gateway")
        try:
            while not self._stopping.is_set():
                await self._round()
        finally:
            self._warmth.stop()
            for task in tasks:
                task.cancel()
            await self._link.stop()

    def stop(self) -> None:
        """End soon."""
        self._stopping.set()
        self._wake.set()

    def reload(self) -> None:
        """Look for other models."""
        self._reload.set()

    async def _round(self) -> None:
        """Observe a slice and score a portion, or wait for something to do."""
        if self._backlog:
            self._observe()
        else:
            self._wake.clear()
            alarm = asyncio.get_running_loop().call_later(IDLE_S, self._wake.set)
            await self._wake.wait()
            alarm.cancel()
        try:
            findings, isolations = self._core.tick(self._clock.now())
            findings += [skewed(*one) for one in self._nodes.skews()]
        except Exception as error:  # noqa: BLE001 - the edge of the process: a bug in scoring must not end opinions
            self._fail("tick", error)
            return
        if findings or isolations:
            self._link.send(links.Found(tuple(findings), tuple(isolations)))
        self._ring.work(findings, self._clock.now())
        await asyncio.sleep(0)  # questions first

    def _observe(self) -> None:
        part: Sequence[Transaction] = self._backlog.take(SLICE)
        try:
            part = self._nodes.rows(part, self._clock.wall_shift())
            self._core.observe(part, self._clock.now())
        except Exception as error:  # noqa: BLE001 - the edge of the process: one bad slice must not end opinions
            self._fail("observe", error)
        self._ring.saw(part)

    def _hello(self, link: Link) -> None:
        link.send(links.Hello("shadow", os.getpid(), icsguard.__version__))

    def _heard(self, link: Link, message: links.Message) -> None:
        match message:
            case links.Ask(question):
                asked, opinion = self._answer(question)
                link.send(links.Answer(opinion))
                self._warmth.asked(question)
                for one in asked:
                    self._ring.answered(one, opinion)
            case links.Batch():
                self._backlog.put(message)
                self._wake.set()
            case links.Configure(settings, anchor):
                self._configure(settings, anchor)
            case links.Ping(number):
                link.send(links.Pong(number))
            case links.TryRequest(number, conduit, options):
                link.send(links.TryReply(number, self._tried(conduit, options)))
            case links.PointsRequest(number, conduit):
                now = self._clock.now()
                link.send(links.PointsReply(number, tuple(self._nodes.qualified(self._core.points(now, conduit), now))))

    def _answer(self, question: Question) -> tuple[list[Question], Opinion]:
        """Answer from the freshest image that there is time for; return the question as the twin took it, too."""
        asked: list[Question] = []
        began = self._clock.now()
        while self._backlog and self._clock.now() - began < CATCH_UP_NS:
            self._observe()
        try:
            asked = self._nodes.questions(question)
            opinion = worst(question, [self._core.ask(one, began) for one in asked])
        except Exception as error:  # noqa: BLE001 - the edge of the process: policy has allowed the write already
            self._fail("ask", error)
            opinion = Opinion(question.number, Decision.ALLOW, (), "")
        self._slowest_ns = max(self._slowest_ns, self._clock.now() - began)
        return asked, opinion

    def _rehearse(self, question: Question) -> Opinion:
        """Answer a question that was answered already, for nobody."""
        now = self._clock.now()
        return worst(question, [self._core.rehearse(one, now) for one in self._nodes.questions(question)])

    def _tried(self, conduit: str, options: Sequence[Option]) -> Sandbox:
        try:
            return self._core.try_out(conduit, options, self._clock.now())
        except Exception as error:  # noqa: BLE001 - the edge of the process: a strange question must not end opinions
            self._fail("try", error)
            return Sandbox(conduit, 0.0, (), "the shadow failed while trying: its log says more")

    def _fail(self, where: str, error: Exception) -> None:
        self._failed += 1
        _LOG.error("failed", where=where, error=repr(error), exc_info=error)

    def _configure(self, raw: bytes, anchor: int) -> None:
        self._clock = Clock(anchor)
        if raw != self._raw:
            self._raw, self._settings = raw, msgspec.msgpack.decode(raw, type=Settings)
            self._stamp = ()
            self._nodes.adopt(nodes_of(self._settings))
            if not self._core.options.conduits:  # image and conduct at once, models when they are loaded
                self._core = Shadow(options_of(self._settings), {}, None)
        self._reload.set()

    async def _keep_models(self) -> None:
        """Load models whenever settings or files change, beside the loop."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(STATUS_S):
                    await self._reload.wait()
            self._reload.clear()
            settings = self._settings
            if settings is None:
                continue
            stamp = (self._raw, *_stamps(settings))
            if stamp == self._stamp:
                continue
            self._stamp = stamp
            self._adopt(settings, await asyncio.to_thread(self._store.load, settings))

    def _adopt(self, settings: Settings, models: Models) -> None:
        for name, reason in models.refused.items():
            if self._refused.get(name) != reason:
                _LOG.error("model_refused", model=name, reason=reason)
                note = self._own.alarm(self._clock.now(), f"the model of {name} is not used: {reason}", {"model": name})
                self._link.send(links.LinkRecords((note,)))
        self._refused = dict(models.refused)
        # A replacement that is refused does not take the model in use away: that one has passed, and is in memory.
        sites = {
            name: site or (self._sites.get(name) if name in models.refused else None)
            for name, site in models.sites.items()
        }
        options = options_of(settings)
        digests = {name: site.digest for name, site in sites.items() if site}
        stamp = (self._raw, digests, models.flow.digest if models.flow else "")
        if stamp != self._in_use:  # a challenger that comes or goes leaves the champion's image alone
            self._in_use, self._sites = stamp, sites
            self._core = Shadow(options, sites, models.flow, models.triage)
        self._ring.adopt(options, sites, models.challengers, models.flow, self._clock.now())
        _LOG.info("models", sites=digests, flow=models.flow.digest if models.flow else "none")
        gc.collect()
        gc.freeze()  # models live long: later collections need not walk them while a question waits

    async def _tell_status(self) -> None:
        while True:
            now = self._clock.now()
            facts = self._core.status(now)
            facts |= self._ring.facts(now)
            facts |= {f"refused.{name}": reason for name, reason in self._refused.items()}
            facts |= {
                "shed_batches": self._backlog.shed,
                "lost_transactions": self._backlog.lost,
                "failures": self._failed,
                "slowest_answer_us": self._slowest_ns // 1000,
            }
            self._slowest_ns = 0
            self._link.send(links.Status("shadow", facts))
            notes = self._ring.records(self._own, now)
            if notes:
                self._link.send(links.LinkRecords(notes))
            systemd.alive()
            await asyncio.sleep(STATUS_S)


def _stamps(settings: Settings) -> tuple[object, ...]:
    """Return what changes when a conduit's model is written anew."""
    found: list[object] = []
    for conduit in settings.conduits:
        folder = Path(settings.shadow.models_dir) / conduit.name
        for path in (folder / MANIFEST, folder / CHALLENGER / MANIFEST):
            try:
                state = path.stat()
                found.append((str(path), state.st_mtime_ns, state.st_ino))
            except OSError:
                found.append((str(path), 0, 0))
    return tuple(found)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the shadow process; return its exit status."""
    return run_beside("shadow", ShadowProcess, argv)


if __name__ == "__main__":
    sys.exit(main())
