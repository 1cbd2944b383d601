"""An OPC UA conduit's listener: sessions of the way that the conduit has, its keys, and whom it trusts.

Imported only where a conduit speaks OPC UA: keys and channels bring the cryptography library with them.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar, cast

from icsguard.config.settings import Conduit, UaSettings
from icsguard.conversation.api import Talk
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.options import Legs
from icsguard.conversation.opcua.passthrough import Passed
from icsguard.conversation.opcua.terminate import Terminated
from icsguard.conversation.run import Run
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.record import RecordKind, Severity
from icsguard.policy.decide import Judge
from icsguard.policy.nodes.judge import NodeJudge
from icsguard.protocols.opcua.asymmetric import Identity
from icsguard.protocols.opcua.security import POLICIES
from icsguard.protocols.opcua.trust import Trust
from icsguard.runtime import pki_store, pki_work
from icsguard.runtime.clock import Clock
from icsguard.runtime.listener import Listener
from icsguard.runtime.mirror import Outlet
from icsguard.runtime.opcua_jobs import Jobs
from icsguard.runtime.opcua_shell import UaClientEnd
from icsguard.runtime.pki_endings import Endings, severity_of
from icsguard.runtime.restarts import as_before
from icsguard.runtime.tasks import spawn

Read = TypeVar("Read")
STRANGE: Final = frozenset({"certificate-untrusted", "certificate-chain"})
"""Why a certificate is kept for an operator to decide about."""

TRUST_LOOK_S: Final = 2.0
"""Between two looks at the trust folder: within five seconds a certificate that was taken away has no channel left."""


class Doorman:
    """A trust list that keeps what strangers showed, for an operator to look at. Fills `options.Trust`."""

    def __init__(self, trust: Trust, keep: Callable[[bytes], None]) -> None:
        self.trust = trust
        self._keep = keep

    @property
    def is_empty(self) -> bool:
        """Say whether nobody was ever said to be trusted."""
        return self.trust.is_empty

    def client(self, chain: bytes, uri: str, wall: int) -> Defect | None:
        """Judge a client's certificate."""
        return self._kept(self.trust.client(chain, uri, wall), chain)

    def server(self, chain: bytes, wall: int) -> Defect | None:
        """Judge the device's certificate."""
        return self._kept(self.trust.server(chain, wall), chain)

    def _kept(self, found: Defect | None, chain: bytes) -> Defect | None:
        if found is not None and found.code in STRANGE:
            self._keep(chain)
        return found


class UaListener(Listener):
    """One OPC UA conduit on the wire."""

    guard: UaGuard

    def __init__(
        self, guard: UaGuard, conduit: Conduit, clock: Clock, outlet: Outlet, may_open: Callable[[], bool]
    ) -> None:
        super().__init__(guard, conduit, clock, outlet, may_open)
        self.jobs = Jobs(self.loop)
        self._keeping = False
        self._door = Doorman(cast("Trust", guard.trust), self._keep)
        guard.trust = self._door
        self._watch: asyncio.Task[None] | None = None
        self._endings = Endings()

    async def start(self) -> None:
        """Listen, keep time, and watch the trust folder. Raises OSError where the address cannot be bound."""
        await super().start()
        self._watch = spawn(self._watch_trust(), f"trust-{self.conduit.name}")

    def close(self) -> None:
        """Close everything now."""
        super().close()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self.jobs.close()

    def take(self, conduit: Conduit, judge: Judge) -> None:
        """Take changed options and a new policy into use; keys, and what must fit them, stay until a restart."""
        super().take(as_before(self.conduit, conduit), judge)
        self.guard.reload_nodes(NodeJudge(conduit.policy))

    def keep_wall(self, shift: int) -> None:
        """Note how far the wall clock is from the steady one, ns."""
        super().keep_wall(shift)
        self.guard.node_memory.wall_shift = shift

    def end(self) -> UaClientEnd:
        """Return the shell of a new connection."""
        return UaClientEnd(self)

    def session(self, client: Client, now: int) -> Talk:
        """Return the conversation of a new client."""
        way = Passed if ua_of(self.conduit).way == "passthrough" else Terminated
        return cast("Talk", way(self.guard, client, self.guard.run.next_flow(), now, os.urandom))

    async def _watch_trust(self) -> None:
        settings = ua_of(self.conduit)
        seen = _without_strangers(await self._in_thread(pki_store.stamp, Path(settings.pki)))
        self._tell_faults()
        while True:
            await self._tell_endings()
            await asyncio.sleep(TRUST_LOOK_S)
            settings = ua_of(self.conduit)
            folder = Path(settings.pki)
            stamp = _without_strangers(await self._in_thread(pki_store.stamp, folder))
            if stamp != seen:
                seen = stamp
                self._endings.look_again()
                self.retrust(await self._in_thread(pki_store.load, folder, settings.server_pin))

    def retrust(self, trust: Trust) -> None:
        """Take a new trust list into use: whoever is no longer trusted loses his channel at once."""
        guard, self._door = self.guard, Doorman(trust, self._keep)
        guard.retrust(self._door)
        text = f"the trust list of {guard.name} changed and is in use"
        guard.run.put(guard.record(RecordKind.OPERATOR, Severity.INFO, text, self.clock.now()))
        self._tell_faults()
        self.wake()
        self.outlet.note()

    def _tell_faults(self) -> None:
        guard, faults = self.guard, self._door.trust.faults
        if faults:
            text = f"certificates or lists of {guard.name} that cannot be used: {'; '.join(map(str, faults))}"
            guard.run.put(guard.record(RecordKind.LIFECYCLE, Severity.MEDIUM, text, self.clock.now()))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Certificates that end soon, for the status."""
        return self._endings.texts

    async def _tell_endings(self) -> None:
        now = self.clock.now()
        if not self._endings.is_due(now):
            return
        folder, guard = Path(ua_of(self.conduit).pki), self.guard
        found = await self._in_thread(pki_work.ending, folder, now + self.clock.wall_shift())
        for one in self._endings.news(found, now):
            text = f"{guard.name}: {pki_work.ending_text(one)}"
            guard.run.put(guard.record(RecordKind.LIFECYCLE, severity_of(one), text, now))

    def _keep(self, chain: bytes) -> None:
        """Keep a stranger's certificate, one at a time: a crowd of them must not fill the threads."""
        if not self._keeping:
            self._keeping = True
            spawn(self._keep_one(chain), "stranger")

    async def _keep_one(self, chain: bytes) -> None:
        try:
            with contextlib.suppress(OSError):  # the record says who it was
                await self._in_thread(pki_store.keep_rejected, Path(ua_of(self.conduit).pki), chain)
        finally:
            self._keeping = False

    async def _in_thread(self, read: Callable[..., Read], *given: object) -> Read:
        return await self.loop.run_in_executor(None, read, *given)


def _without_strangers(stamp: tuple[tuple[str, int, int], ...]) -> tuple[tuple[str, int, int], ...]:
    """Return a stamp without what strangers showed: that changes nothing for anybody."""
    return tuple(one for one in stamp if not one[0].endswith(pki_store.SEEN))


def ua_of(conduit: Conduit) -> UaSettings:
    """Return the part of a conduit that only OPC UA has."""
    return conduit.opcua or UaSettings()


class KeyFileError(Exception):
    """Certificates or keys of a conduit are not there or of no use; the message says what to type next."""


def make_guard(conduit: Conduit, judge: Judge, run: Run) -> UaGuard:
    """Return the guard of a conduit with its keys and trust lists, read from the files. Raises KeyFileError."""
    settings = ua_of(conduit)
    try:
        legs = legs_of(settings)
    except pki_store.PkiError as error:
        raise KeyFileError(str(error)) from error
    trust = pki_store.load(Path(settings.pki), settings.server_pin)
    return UaGuard(conduit, judge, run, NodeJudge(conduit.policy), legs, trust)


def legs_of(settings: UaSettings) -> Legs:
    """Return who the gateway is on its two sides. Raises PkiError."""
    if settings.way != "terminate":
        return Legs()
    folder = Path(settings.pki)
    near = _own(folder, settings.own, [policy for policy, _mode in settings.client_security])
    far = _own(folder, settings.upstream or settings.own, [settings.server_security[0]]) or near
    named = tuple((client, pki_store.own(folder, name)) for client, name in settings.upstream_of)
    return Legs(
        upstream_of=tuple((client, Identity(own.certificate, own.key), own.leaf.uri) for client, own in named),
        ours=None if near is None else Identity(near.certificate, near.key),
        upstream=None if far is None else Identity(far.certificate, far.key),
        application_uri="" if near is None else near.leaf.uri,
        upstream_uri="" if far is None else far.leaf.uri,
    )


def _own(folder: Path, name: str, policies: list[str]) -> pki_store.Own | None:
    """Return a certificate with its key; None where only policy None is spoken and there is none."""
    try:
        return pki_store.own(folder, name)
    except pki_store.PkiError:
        if any(POLICIES[policy].secures for policy in policies):
            raise
        return None
