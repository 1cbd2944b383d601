"""Everything that one gateway guards: its conduits with their listeners, the two parts beside it, and what is kept.

The seam between the pure guards and the world. Operators reach it through the facade, signals through the gateway.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, cast

import icsguard
from icsguard.config.settings import Conduit, Settings
from icsguard.control import links
from icsguard.conversation.guard import Guard
from icsguard.conversation.run import Run
from icsguard.core.clock import SECOND
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.policy.decide import Judge
from icsguard.policy.filed import Filed
from icsguard.runtime.beside import prepare
from icsguard.runtime.clock import Clock
from icsguard.runtime.compiler import CompileError, compile_beside
from icsguard.runtime.facade_views import Rates
from icsguard.runtime.kept import Kept, with_grants
from icsguard.runtime.listener import Listener
from icsguard.runtime.log import get_logger
from icsguard.runtime.mirror import Outlet
from icsguard.runtime.parts import Part, Questions
from icsguard.runtime.pieces import collector_rests, in_pieces, let_go, pause
from icsguard.runtime.ports import may_bind_low, owner_of, unprivileged_start
from icsguard.runtime.restarts import needs_restart
from icsguard.runtime.tasks import spawn

KEEP_S: Final = 1.0
"""Between two looks at the wall clock, and at whether isolations changed and must be kept."""
DRAIN_MARGIN_S: Final = 0.5
DRAIN_LOOK_S: Final = 0.01
SPARE_DESCRIPTORS: Final = 64
"""Kept free for files, links and operators; clients are turned away before they are gone. Half where that is less:
a gateway that may open few still serves somebody."""
PER_CLIENT: Final = 2
"""Descriptors of one client: its own and its device link's."""
CLOCK_STEP_NS: Final = SECOND
"""A wall clock that moved this much against the steady one was stepped, and that goes on record."""

_LOG: Final = get_logger("icsguard.site")


class SiteError(Exception):
    """The gateway cannot start; the message says what to type next."""


class Site:
    """The conduits of one gateway."""

    def __init__(self, config: Path, settings: Settings, packed: bytes | bytearray) -> None:
        self.config = config
        self.settings = settings
        self.clock = Clock()
        self.started = self.clock.now()
        self.run = Run(_run_id(self.started))
        self.listeners: dict[str, Listener] = {}
        self.stopping = asyncio.Event()
        self.warnings: dict[str, str] = {}
        """What a human must know, by subject."""
        self.last_change = ""
        self.kept = Kept(Path(settings.gateway.state_dir), self.clock)
        self.questions = Questions()
        self.rates = Rates()
        self.on_reload: Callable[[Settings], None] = _nothing
        self._packed = packed
        self._reloading = asyncio.Lock()
        self._wall_shift = 0
        self._limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    # Start and stop.

    async def start(self) -> None:
        """Open everything. Raises SiteError."""
        loop = asyncio.get_running_loop()
        self.outlet = Outlet(self.run, loop)
        run_dir = Path(self.settings.gateway.run_dir)
        self.shadow = Part("shadow", run_dir / "shadow.sock", self.outlet.shadow, self.clock, self._heard)
        self.recorder = Part("recorder", run_dir / "recorder.sock", self.outlet.recorder, self.clock, self._heard)
        self._restore()
        for part in (self.shadow, self.recorder):
            part.configure = self.configuration
            part.on_change = self._part_changed(part)
            try:
                await part.start()
            except OSError as error:
                why = error.strerror or error
                raise SiteError(f"the gateway's sockets in {run_dir}: {why}; see `icsguard doctor`") from error
        for conduit in self.settings.conduits:
            await self.open(conduit)
        self.note("gateway started", RecordKind.LIFECYCLE, pid=os.getpid(), version=icsguard.__version__)
        self._keeper = spawn(self._keep(), "keep")

    def _restore(self) -> None:
        damage = self.kept.load()
        if damage:
            self.warnings["state"] = damage
            self.note(damage, RecordKind.LIFECYCLE, severity=Severity.MEDIUM)

    async def open(self, conduit: Conduit) -> None:
        """Open one conduit. Raises SiteError."""
        conduit = with_grants(conduit, self.kept.grants_of(conduit.name))
        listener = self._listener(conduit)
        guard = listener.guard
        self.kept.apply(guard)
        listener.keep_wall(self.clock.wall_shift())
        guard.shadow_up = self.shadow.is_up
        try:
            await listener.start()
        except OSError as error:
            raise SiteError(_cannot_listen(conduit, error)) from error
        self.listeners[conduit.name] = listener
        _LOG.info("listening", conduit=conduit.name, port=listener.port, mode=guard.mode.value)

    def _listener(self, conduit: Conduit) -> Listener:
        if conduit.protocol != "opcua":
            guard = Guard(conduit, make_judge(conduit), self.run)
            return Listener(guard, conduit, self.clock, self.outlet, self.may_open)
        from icsguard.runtime.opcua_listener import KeyFileError, UaListener, make_guard  # noqa: PLC0415 - 8 MB of library

        try:
            guard = make_guard(conduit, make_judge(conduit), self.run)
        except KeyFileError as error:
            raise SiteError(f"conduit {conduit.name}: {error}") from error
        return UaListener(guard, conduit, self.clock, self.outlet, self.may_open)

    async def drain(self) -> None:
        """Take no new clients and no new requests; answer what is under way, as long as devices may take."""
        longest = 0.0
        for listener in self.listeners.values():
            listener.stop_accepting()
            listener.drain()
            conduit = listener.conduit
            longest = max(longest, (conduit.device_timeout_ms + conduit.judge_deadline_ms) / 1000)
        for _ in range(int((longest + DRAIN_MARGIN_S) / DRAIN_LOOK_S)):
            if not any(one.ends for one in self.listeners.values()):
                return
            await asyncio.sleep(DRAIN_LOOK_S)

    async def close(self) -> None:
        """Close everything that is open; the last records go out first."""
        for listener in self.listeners.values():
            listener.close()
        if self.listeners:
            self.note("gateway stopped", RecordKind.LIFECYCLE, pid=os.getpid())
            self._keeper.cancel()
        if hasattr(self, "outlet"):
            self.outlet.flush()
            await asyncio.sleep(0)
            for part in (self.shadow, self.recorder):
                await part.stop()

    def may_open(self) -> bool:
        """Say whether descriptors are left for one more client."""
        clients = sum(len(listener.ends) for listener in self.listeners.values())
        return PER_CLIENT * (clients + 1) + min(SPARE_DESCRIPTORS, self._limit // 2) <= self._limit

    # The parts beside the gateway.

    def configuration(self) -> links.Configure:
        """Return what shadow and recorder must know."""
        modes = tuple((name, listener.guard.mode.value) for name, listener in self.listeners.items())
        return links.Configure(cast("bytes", self._packed), self.clock.anchor, self.run.id, modes)

    def tell_parts(self) -> None:
        """Send the configuration again: something in it changed."""
        self.shadow.send_configuration()
        self.recorder.send_configuration()

    def _part_changed(self, part: Part) -> Callable[[str], None]:
        def changed(new: str) -> None:
            up = new == "up"
            state = "connected" if up else "is gone"
            severity = Severity.INFO if up else Severity.MEDIUM
            self.note(f"the {part.role} {state}", RecordKind.LIFECYCLE, severity=severity, part=part.role, pid=part.pid)
            if part is self.shadow:
                for listener in self.listeners.values():
                    listener.shadow_is(up=up)

        return changed

    def _heard(self, message: links.Message) -> None:
        if isinstance(message, links.Answer):
            for listener in self.listeners.values():
                if listener.opinion(message.opinion):
                    return
        elif isinstance(message, links.Found):
            self._found(message)
        elif isinstance(message, links.PointsReply | links.TryReply):
            self.questions.answered(message)
        elif isinstance(message, links.LinkRecords):
            for record in message.records:
                self.run.put(record)
            self.outlet.note()

    def _found(self, found: links.Found) -> None:
        for finding in found.findings:
            listener = self.listeners.get(finding.conduit)
            if listener is not None:
                listener.found(finding)
        for asked in found.isolations:
            listener = self.listeners.get(asked.conduit)
            if listener is not None:
                listener.guard.quarantine.wish(asked, self.clock.now())
                listener.wake()
        self.outlet.note()

    # Change.

    async def reload(self, reason: str, operator: str) -> tuple[str, ...]:
        """Read the configuration again and put it into use; return what is wrong with it, then the old one stays."""
        async with self._reloading:
            try:
                compiled = await compile_beside(self.config)
            except CompileError as error:
                return self._not_reloaded(error, operator)
            self.warnings.pop("reload", None)
            await pause()
            with collector_rests():
                remains = await _remains(self.settings.conduits, [one.guard.judge for one in self.listeners.values()])
                problems = (*await self._take(compiled.settings), *needs_restart(self.settings, compiled.settings))
                await pause()
                self.settings, self._packed = compiled.settings, compiled.packed
                self.warn_of(compiled.warnings)
                self.on_reload(compiled.settings)
            for part in (self.shadow, self.recorder):
                await pause()
                part.send_configuration()
            self.changed(f"{operator} reloaded the configuration: {reason}", operator, reason)
            await let_go(remains)
            return problems

    def _not_reloaded(self, error: CompileError, operator: str) -> tuple[str, ...]:
        self.warnings["reload"] = f"the last reload failed, the settings before it stay: {error.problems[0]}"
        self.note(self.warnings["reload"], RecordKind.OPERATOR, severity=Severity.MEDIUM, by=operator)
        return error.problems

    def warn_of(self, lines: tuple[str, ...]) -> None:
        """Show what the check of the configuration warned of, until the next one."""
        self.warnings = {subject: text for subject, text in self.warnings.items() if not subject.startswith("config")}
        self.warnings |= {f"config {number}": line for number, line in enumerate(lines)}

    async def _take(self, settings: Settings) -> tuple[str, ...]:
        wanted = {conduit.name: conduit for conduit in settings.conduits}
        for name in [name for name in self.listeners if name not in wanted]:
            listener = self.listeners.pop(name)
            listener.stop_accepting()
            listener.drain()
        problems = []
        for conduit in settings.conduits:
            await pause()
            try:
                await self._take_conduit(conduit)
            except SiteError as error:
                problems.append(str(error))
        return tuple(problems)

    async def _take_conduit(self, conduit: Conduit) -> None:
        listener = self.listeners.get(conduit.name)
        if listener is None:
            await self.open(conduit)
            return
        guard, before = listener.guard, listener.conduit
        if conduit.protocol != before.protocol:
            return  # another kind of listener: `needs_restart` says so
        conduit = with_grants(conduit, self.kept.grants_of(conduit.name))
        same = conduit.policy.digest and _judged_by(conduit) == _judged_by(before)
        judge = guard.judge if same else await judge_beside(conduit)
        listener.take(conduit, judge)
        if listener.pool is not None and (conduit.device_host, conduit.device_port) != (
            before.device_host,
            before.device_port,
        ):
            listener.pool.renew()
        if conduit.mode is not before.mode:
            self.kept.forget_mode(conduit.name)
            guard.set_mode(conduit.mode)
        if (conduit.listen_host, conduit.listen_port) != (before.listen_host, before.listen_port):
            listener.stop_accepting()
            try:
                await listener.listen()
            except OSError as error:
                raise SiteError(_cannot_listen(conduit, error)) from error

    async def regrant(self, name: str) -> None:
        """Put the changed grants of a conduit into use."""
        listener = self.listeners[name]
        conduit = with_grants(self.settings.conduit(name), self.kept.grants_of(name))
        if conduit.protocol != listener.conduit.protocol:
            conduit = with_grants(listener.conduit, self.kept.grants_of(name))  # the new one waits for a restart
        judge = await judge_beside(conduit)
        listener.take(conduit, judge)

    def note(
        self,
        text: str,
        kind: RecordKind,
        *,
        severity: Severity = Severity.INFO,
        conduit: str = "",
        **facts: str | int,
    ) -> Record:
        """Write a record of the gateway itself."""
        record = Record(
            id=self.run.next_record_id(),
            kind=kind,
            at=self.clock.now(),
            severity=severity,
            text=text,
            conduit=conduit,
            facts=dict(facts),
        )
        self.run.put(record)
        self.outlet.note()
        return record

    def changed(self, text: str, operator: str, reason: str, conduit: str = "") -> Record:
        """Write down what an operator changed."""
        self.last_change = text
        return self.note(text, RecordKind.OPERATOR, conduit=conduit, by=operator, reason=reason)

    async def save(self) -> None:
        """Keep modes, isolations and grants over a restart; a disk that fails is a warning, never a stop."""
        state = self.kept.snapshot([listener.guard for listener in self.listeners.values()])
        if state == self.kept.saved:
            return
        try:
            await asyncio.get_running_loop().run_in_executor(None, self.kept.write, state)
        except OSError as error:
            self.warnings["state"] = f"changes cannot be kept over a restart: {error.strerror or error}"
        else:
            self.warnings.pop("state", None)

    async def _keep(self) -> None:
        await asyncio.sleep(KEEP_S)
        await asyncio.get_running_loop().run_in_executor(None, prepare)
        while True:
            await asyncio.sleep(KEEP_S)
            await self.save()
            self.rates.read(self.listeners, self.clock.now())
            shift = self.clock.wall_shift()
            if abs(shift - self._wall_shift) >= CLOCK_STEP_NS:
                for listener in self.listeners.values():
                    listener.guard.forget_verdicts()  # time windows and grants follow the wall clock
                self.note(
                    f"the wall clock was stepped by {(shift - self._wall_shift) / 1e9:+.1f} s",
                    RecordKind.LIFECYCLE,
                    severity=Severity.MEDIUM,
                )
            self._wall_shift = shift
            for listener in self.listeners.values():
                listener.keep_wall(shift)


def make_judge(conduit: Conduit, filed: Filed | None = None) -> Judge:
    """Return the judge of a conduit's policy; `filed`: the same policy, if it was filed already."""
    return Judge(conduit.policy, serial=conduit.downstream == "serial", quirks=frozenset(conduit.quirks), filed=filed)


async def judge_beside(conduit: Conduit) -> Judge:
    """Return the judge of a conduit's policy, made in pieces: ten thousand points take 50 ms, and traffic goes on."""
    filed = Filed(conduit.policy, serial=conduit.downstream == "serial", quirks=frozenset(conduit.quirks))
    await pause()
    await in_pieces(filed.steps())
    await pause()
    judge = make_judge(conduit, filed)
    await pause()
    return judge


async def _remains(conduits: Iterable[Conduit], judges: Iterable[Judge]) -> list[object]:
    """Return everything of settings and judges that is many, gathered in pieces."""
    remains: list[object] = []

    def gathered() -> Iterator[None]:
        for conduit in conduits:
            remains.extend(conduit.policy.rules)
            yield
            remains.extend(conduit.policy.points)
            yield
        for judge in judges:
            for many in judge.parts():
                remains.extend(many)
                yield

    await in_pieces(gathered())
    return remains


def _cannot_listen(conduit: Conduit, error: OSError) -> str:
    where = f"conduit {conduit.name} cannot listen at {conduit.listen_host}:{conduit.listen_port}"
    if isinstance(error, PermissionError) and conduit.listen_port < unprivileged_start() and not may_bind_low():
        hint = "use a port from 1024 up, or run as a service with the capability (systemd/icsguard-gateway.service)"
        return f"{where}: no permission for a port this low; {hint}"
    owner = owner_of(conduit.listen_port)
    if owner is not None:
        return f"{where}: {owner} holds the port; stop it, or change `listen`"
    return f"{where}: {error.strerror or error}; see `icsguard doctor`"


def _judged_by(conduit: Conduit) -> tuple[str, tuple[str, ...], str]:
    """Return what a judge depends on; digests, because comparing ten thousand points takes longer than it is worth."""
    return conduit.policy.digest, conduit.quirks, conduit.downstream


def _run_id(started: int) -> str:
    return f"r{(started // SECOND) & 0xFFFFFFF:07x}"


def _nothing(_settings: Settings) -> None:
    """Do nothing: the default of `on_reload`."""
