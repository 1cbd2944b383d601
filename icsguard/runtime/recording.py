"""One set of places that the recorder writes to: files, journals, syslog; and how each of them fares.

When a disk fails, records wait in memory and go to syslog directly; when it is back they are written. Whatever finds no
room on the way is counted and becomes a gap record.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from icsguard.config.settings import Settings
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.record import Record
from icsguard.core.transaction import Transaction
from icsguard.evidence.own import Facts, OwnRecords
from icsguard.evidence.syslog5424 import Syslog5424
from icsguard.runtime.clock import Clock
from icsguard.runtime.cursor import Cursor
from icsguard.runtime.journal import JournalError
from icsguard.runtime.journaling import Journals
from icsguard.runtime.log import get_logger
from icsguard.runtime.record_writer import RecordWriter
from icsguard.runtime.rotating import Opened, RotatingLines
from icsguard.runtime.secret_traffic import SecretTraffic
from icsguard.runtime.syslog_client import SyslogShipper
from icsguard.runtime.tail import RecordTail
from icsguard.runtime.tasks import spawn

LAST_SHIPMENT_S: Final = 2.0
"""At the end the server gets so long to take the last lines; the place is kept, the rest follows at the next start."""
STOPPED: Final = "the recorder stopped writing here"
"""The last line of an orderly end; where it is missing, the recorder was killed."""
UNSYNCED_S: Final = 0.5
"""What the recorder has taken is on disk at the latest after so long, unless the disk fails."""
STALLED_S: Final = 2
"""A write that takes longer is shown in `status`: the disk hangs, records wait in memory."""
SPOOL_HIGH: Final = 0.8
"""Share of what is kept for a syslog server that is away; above it an alarm says so before anything is lost."""
FINISH_S: Final = 3.0
"""At the end a disk gets so long to take the last records."""
_LOG: Final = get_logger("icsguard.recorder")


class Recording:
    """The places of one recorder, as its settings name them."""

    def __init__(self, settings: Settings, own: OwnRecords) -> None:
        options = settings.recorder
        self._options = options
        self._gateway = settings.gateway
        self._own = own
        self._clock = Clock()
        self._run = ""
        path = Path(options.path)
        files = RotatingLines(path, options.max_bytes, options.keep)
        self._writer = RecordWriter(files, settings.gateway.name, self._shift)
        self._journals = Journals(Path(settings.gateway.state_dir), options.journal_max_bytes)
        self._secrets = SecretTraffic(settings)
        self._full: set[str] = set()
        self._lost_shipping = 0
        self.disk_state = "closed"
        """`ok`, `closed` before the first write, or what failed."""
        self.journal_state = "ok"
        self._writing_since = 0
        self._is_spool_high = False
        self._shipper: SyslogShipper | None = None
        self._shipping: asyncio.Task[object] | None = None
        if options.syslog is not None:
            formatter = Syslog5424(
                settings.gateway.name,
                process=str(os.getpid()),
                facility=options.syslog.facility,
                enterprise=options.syslog.enterprise_id,
            )
            cursor = Cursor(path.with_name(f"{path.name}.shipped"))
            tail = RecordTail(path, options.keep)
            self._shipper = SyslogShipper(options.syslog, formatter, tail, cursor, shift=self._shift)

    def fits(self, settings: Settings) -> bool:
        """Say whether these settings name the same places and secrets."""
        same = (settings.recorder, settings.gateway) == (self._options, self._gateway)
        if same:
            self._secrets = SecretTraffic(settings)
        return same

    def learn(self, modes: Mapping[str, Mode], run: str, clock: Clock) -> None:
        """Take the modes in force, the gateway's run and its clock."""
        self._run, self._clock = run, clock
        self._journals.modes(modes.items())

    def put(self, record: Record) -> None:
        """Take a record; it goes to disk with the next group, and round a failing disk to the server."""
        self._writer.put(record)
        if self._shipper is not None and self.disk_state not in {"ok", "closed"}:
            self._shipper.urgent(record)

    def journal(self, transactions: Sequence[Transaction], records: Sequence[Record], lost: int) -> None:
        """Take traffic; what belongs to a conduit in learn mode is kept for learning."""
        self._journals.add(self._secrets.left_in(transactions), records, lost)

    def adopt(self, before: Recording) -> None:
        """Take over what the places before could not write."""
        for record in before._writer.take_waiting():
            self._writer.put(record)

    async def flush(self) -> bool:
        """Write one group of records and what belongs to journals; say whether there was any record."""
        self._writing_since = self._clock.now()
        try:
            opened, count = await asyncio.to_thread(self._write)
        except OSError as error:
            self._disk_failed(error)
            return False
        finally:
            self._writing_since = 0
        self._disk_works(opened)
        self._say_losses()
        if count and self._shipper is not None:
            self._shipper.wake()
        return count > 0

    async def finish(self) -> None:
        """Write what waits, give the server a moment to take it, close everything."""
        is_written = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FINISH_S):
                while await self.flush():
                    pass
                if self.disk_state == "ok":
                    self.put(self._own.note(self._clock.now(), STOPPED, {"path": self._options.path}))
                    await self.flush()
                is_written = True
        if self._shipping is not None:
            await self._last_shipment(self._shipping)
        if is_written:  # else the writer thread hangs in the very files that would be closed
            await asyncio.to_thread(self._close)

    def status(self) -> Facts:
        """Return what `icsguard status` shows of the recorder."""
        stalled_s = (self._clock.now() - self._writing_since) // SECOND if self._writing_since else 0
        facts: Facts = {
            "disk": self.disk_state if stalled_s < STALLED_S else f"stalled for {stalled_s} s",
            "seq": self._writer.seq,
            "written": self._writer.written,
            "waiting": self._writer.waiting,
            "dropped": self._writer.dropped,
            "journal": self.journal_state,
            "syslog": "off",
        }
        facts |= {f"journal.{name}": size for name, size in self._journals.sizes.items()}
        if self._shipper is not None:
            shipped = self._shipper.shipped
            facts |= {
                "syslog": shipped.state,
                "syslog_behind": max(0, self._writer.seq - shipped.seq),
                "syslog_lost": shipped.lost,
            }
        return facts

    def _shift(self) -> int:
        return self._clock.wall_shift()

    def _write(self) -> tuple[Opened | None, int]:
        """Do the blocking part of `flush`, in the writer thread."""
        opened = None if self._writer.is_open else self._writer.open()
        count = self._writer.flush()
        try:
            self._journals.flush(self._run, self._shift())
            self.journal_state = "ok"
        except (OSError, JournalError) as error:
            self.journal_state = str(error)
        return opened, count

    def _close(self) -> None:
        self._writer.close()
        self._journals.close()

    def _disk_failed(self, error: OSError) -> None:
        was, self.disk_state = self.disk_state, f"failed: {error}"
        if was in {"ok", "closed"}:
            _LOG.error("disk_failed", path=self._options.path, error=str(error))
            text = f"records can not be written to {self._options.path}: {error}; they wait in memory, traffic goes on"
            self.put(self._own.alarm(self._clock.now(), text, {"path": self._options.path, "error": str(error)}))
        self._start_shipping(None)

    def _disk_works(self, opened: Opened | None) -> None:
        was, self.disk_state = self.disk_state, "ok"
        now = self._clock.now()
        if opened is not None:
            self._start_shipping(opened.last_seq)
            if opened.torn:
                text = f"the last line of {self._options.path} was torn ({opened.torn} bytes) and has been closed"
                self.put(self._own.gap(now, text, {"lost_records": 1, "lost_bytes": opened.torn}))
            elif opened.last and STOPPED.encode() not in opened.last:
                text = (
                    f"the recorder was killed: of the last {UNSYNCED_S} s before, records that it had taken may be "
                    "missing; their number is not known"
                )
                self.put(self._own.gap(now, text, {"where": "memory", "at_most_s": UNSYNCED_S}))
        if was not in {"ok", "closed"}:
            _LOG.info("disk_works", path=self._options.path)
            self.put(self._own.note(now, "records are written again", {"path": self._options.path, "before": was}))

    def _start_shipping(self, start: int | None) -> None:
        if self._shipper is not None and self._shipping is None:
            self._shipping = spawn(self._shipper.run(start), "syslog")

    def _say_losses(self) -> None:
        """Put every loss on record that nobody has been told of yet."""
        now = self._clock.now()
        dropped = self._writer.take_dropped()
        if dropped:
            text = f"{dropped} records found no room while the disk did not take them"
            self.put(self._own.gap(now, text, {"lost_records": dropped, "where": "queue"}))
        shipped = 0 if self._shipper is None else self._shipper.shipped.lost
        if shipped > self._lost_shipping:
            lost, self._lost_shipping = shipped - self._lost_shipping, shipped
            text = f"{lost} records were not sent to the syslog server: it was away for longer than is kept for it"
            self.put(self._own.gap(now, text, {"lost_records": lost, "where": "syslog"}))
        self._warn_of_spool(now)
        for name in sorted(set(self._journals.full) - self._full):
            self._full.add(name)
            text = f"the traffic journal of {name} is full: what comes now is not learned; type: icsguard learn {name}"
            facts: Facts = {"conduit": name, "bytes": self._options.journal_max_bytes}
            self.put(self._own.alarm(now, text, facts))

    def _warn_of_spool(self, now: int) -> None:
        """Raise an alarm before the server's absence costs records, once for each absence."""
        if self._shipper is None or self._options.syslog is None or not self._writer.written:
            return
        behind = max(0, self._writer.seq - self._shipper.shipped.seq)
        waiting = behind * self._writer.bytes_written // self._writer.written
        kept = min(self._options.syslog.spool_max_bytes, self._options.max_bytes * (1 + self._options.keep))
        if waiting > SPOOL_HIGH * kept and not self._is_spool_high:
            self._is_spool_high = True
            text = f"{behind} records wait for the syslog server, soon the oldest are not kept for it any more"
            facts: Facts = {"waiting_bytes": waiting, "kept_bytes": kept, "server": self._shipper.shipped.state}
            self.put(self._own.alarm(now, text, facts))
        elif waiting < kept * SPOOL_HIGH / 2:
            self._is_spool_high = False

    async def _last_shipment(self, shipping: asyncio.Task[object]) -> None:
        if self._shipper is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_SHIPMENT_S):
                    await self._shipper.reach(self._writer.seq)
        shipping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await shipping
