"""The recorder process: takes what the gateway says, writes it down, ships it, and says what it lost.

It is never in the data path. The gateway's queue towards it is bounded and so is everything here; when a disk or a
server fails, records wait, then are counted, and the count itself becomes a record.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

import icsguard
from icsguard.config.settings import Settings
from icsguard.control import links
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.meaning import Intent
from icsguard.core.record import Record
from icsguard.core.transaction import Transaction
from icsguard.evidence.own import Facts, OwnRecords
from icsguard.evidence.summary import Summary
from icsguard.protocols.registry import PROTOCOLS, intent_of
from icsguard.runtime import systemd
from icsguard.runtime.clock import Clock
from icsguard.runtime.link import Link, LinkClient
from icsguard.runtime.recording import Recording
from icsguard.runtime.side_process import run_beside
from icsguard.runtime.tasks import spawn

LEARNT: Final = frozenset({*PROTOCOLS, "opcua"})
"""Protocols whose traffic `icsguard learn` reads: frames, and message bodies of OPC UA."""
GROUP_S: Final = 0.05
"""Between two groups of lines: a flood shares one fsync every so often."""
IDLE_S: Final = 0.5
"""Between two looks when nothing comes in."""
RETRY_S: Final = 1.0
"""Between two tries to write to a disk that failed."""
STATUS_S: Final = 1.0


class Recorder:
    """One recorder, but for the start of its process and its signals."""

    def __init__(self, run_dir: Path) -> None:
        """`run_dir` holds the gateway's sockets; everything else comes from the gateway."""
        self._clock = Clock()
        self._own = OwnRecords(f"w{os.getpid():x}{self._clock.now() // SECOND & 0xFFFF:04x}")
        self._link = LinkClient(run_dir / "recorder.sock", self._heard, on_up=self._hello)
        self._settings = b""
        self._conduits: dict[str, str] = {}
        self._summary = Summary(self._intent_of, self._clock.now())
        self._summary_every = 60 * SECOND
        self._summary_at = 0
        self._recording: Recording | None = None
        self._next: Recording | None = None
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self.ended = asyncio.Event()
        """Set when `run` has written everything and closed its files."""

    async def run(self) -> None:
        """Work until `stop` is called, then write and ship what there is."""
        self._link.start()
        status = spawn(self._tell_status(), "recorder-status")
        systemd.ready("waiting for the gateway")
        try:
            while not self._stopping.is_set():
                await self._round()
        finally:
            status.cancel()
            await self._link.stop()
            self._close_summary(self._clock.now())
            if self._recording is not None:
                await self._recording.finish()
            self.ended.set()

    def stop(self) -> None:
        """End after what has arrived is written."""
        self._stopping.set()
        self._wake.set()

    def reload(self) -> None:
        """Nothing to do: the gateway reads the options and sends them."""

    async def _round(self) -> None:
        """Write one group, or wait for something to write."""
        now = self._clock.now()
        if now >= self._summary_at:
            self._close_summary(now)
        await self._change_places()
        recording = self._recording
        done = False if recording is None else await recording.flush()
        failed = recording is not None and recording.disk_state != "ok"
        if done and not failed:
            await asyncio.sleep(GROUP_S)
            return
        self._wake.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RETRY_S if failed else IDLE_S):
                await (self._stopping.wait() if failed else self._wake.wait())

    def _close_summary(self, now: int) -> None:
        self._summary_at = now + self._summary_every
        if self._recording is not None:
            for record in self._summary.close(now, self._own.new_id):
                self._recording.put(record)

    def _intent_of(self, transaction: Transaction) -> Intent:
        return intent_of(self._conduits.get(transaction.conduit, "modbus"), transaction.request)

    def _hello(self, link: Link) -> None:
        link.send(links.Hello("recorder", os.getpid(), icsguard.__version__))

    def _heard(self, link: Link, message: links.Message) -> None:
        if isinstance(message, links.Batch):
            self._take(message)
        elif isinstance(message, links.Configure):
            self._configure(message)
        elif isinstance(message, links.Ping):
            link.send(links.Pong(message.number))

    def _configure(self, message: links.Configure) -> None:
        settings = msgspec.msgpack.decode(message.settings, type=Settings)
        self._clock = Clock(message.anchor)
        self._conduits = {conduit.name: conduit.protocol for conduit in settings.conduits}
        self._summary_every = settings.recorder.summary_every_s * SECOND
        self._summary_at = min(self._summary_at, self._clock.now() + self._summary_every)
        recording = self._next or self._recording
        if recording is None or not recording.fits(settings):
            recording = self._next = Recording(settings, self._own)
            facts: Facts = {"path": settings.recorder.path, "pid": os.getpid(), "version": icsguard.__version__}
            recording.put(self._own.note(self._clock.now(), "the recorder writes", facts))
        if self._recording is None:
            self._recording, self._next = self._next, None
        modes = {conduit.name: conduit.mode for conduit in settings.conduits}
        modes |= {name: Mode(mode) for name, mode in message.modes}
        # Learning reads no other traffic; nothing would ever read a journal of it.
        modes = {name: mode for name, mode in modes.items() if self._conduits.get(name, "modbus") in LEARNT}
        recording.learn(modes, message.run, self._clock)
        self._wake.set()

    async def _change_places(self) -> None:
        """Leave the places of the options before; what they could not take goes to the new ones."""
        if self._next is None or self._recording is None:
            return
        before, self._recording, self._next = self._recording, self._next, None
        await before.finish()
        self._recording.adopt(before)

    def _take(self, batch: links.Batch) -> None:
        recording = self._recording
        if recording is None:
            return  # Configure comes first; a gateway that forgets it is told by our silence in `status`
        self._summary.transactions(batch.transactions)
        self._summary.records(batch.records)
        self._summary.lost(batch.lost_transactions, batch.lost_records)
        if batch.lost_records or batch.lost_transactions:
            recording.put(self._gap(batch))
        for record in batch.records:
            recording.put(record)
        recording.journal(batch.transactions, batch.records, batch.lost_transactions)
        self._wake.set()

    def _gap(self, batch: links.Batch) -> Record:
        facts: Facts = {"lost_records": batch.lost_records, "lost_transactions": batch.lost_transactions}
        text = (
            f"{batch.lost_records} records and {batch.lost_transactions} transactions were lost between gateway and "
            "recorder: the recorder was away or too slow; traffic went on"
        )
        return self._own.gap(self._clock.now(), text, facts)

    async def _tell_status(self) -> None:
        while True:
            facts: Facts = {} if self._recording is None else self._recording.status()
            self._link.send(links.Status("recorder", facts))
            systemd.alive()
            await asyncio.sleep(STATUS_S)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the recorder process; return its exit status."""
    return run_beside("recorder", Recorder, argv)


if __name__ == "__main__":
    sys.exit(main())
