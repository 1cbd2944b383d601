"""L: the way of the records to a log server."""

import time

from faultkit.guards import FORBIDDEN, Icsguard
from faultkit.load import Worker
from faultkit.processes import until
from faultkit.registry import CannotRun, case, require
from faultkit.sink import Sink
from faultkit.wire import write_pdu

SPOOL = 65_536
OVERFLOW = 800
"""Records of about a kilobyte: far more than the spool and what the shipper reads at once."""
SYSLOG = '[recorder.syslog]\nhost = "127.0.0.1"\nport = {port}\nspool_max_bytes = {spool}\n'


class _Shipping(Icsguard):
    """icsguard that ships its records to a sink, which is down at first."""

    spool = 64 * 1024 * 1024

    def __init__(self, folder, main, sick):
        self.sink = Sink()
        super().__init__(folder, main, sick, extra=SYSLOG.format(port=self.sink.port, spool=self.spool))

    def stop(self):
        """Stop both."""
        super().stop()
        self.sink.close()


class _SmallSpool(_Shipping):
    """The same with the smallest spool."""

    spool = SPOOL


def _records(stage, count, series):
    """Make `count` records that are not folded into one."""
    with stage.caller(source=f"127.0.{series}.1") as first:
        first.ask(write_pdu(FORBIDDEN, 0), 20)
    for index in range(2, count + 1):
        source = f"127.0.{series + index // 250}.{index % 250 + 1}"
        with stage.caller(source=source) as caller:
            require(caller.ask(write_pdu(FORBIDDEN, index), 20).exception, "a forbidden write was acknowledged")


def _fact(stage, name):
    """Return what the recorder says of itself; it does so each second."""
    until(lambda: name in stage.guard.parts()["recorder"].facts, 3, every=0.05)
    return stage.guard.parts()["recorder"].facts.get(name, "")


def _verdicts(stage):
    return [one["id"] for one in stage.guard.written() if one["kind"] == "verdict"]


def _shipped_all(stage, seconds=12):
    wanted = set(_verdicts(stage))
    return until(lambda: wanted <= set(stage.guard.sink.ids), seconds, every=0.1), wanted


@case(
    "L1",
    "log server down, then back",
    "0 lost, duplicates identifiable by record id, disk bounded",
    own=_Shipping,
    watch=False,
)
def server_down(stage):
    count = 20_000 if stage.full else 300
    with Worker(stage.guard.main, 24) as reads:
        _records(stage, count, 10)
        away = _fact(stage, "syslog")
        until(lambda: len(_verdicts(stage)) >= count, 10, every=0.2)
        written = len(_verdicts(stage))
        stage.guard.sink.up()
        took, wanted = _shipped_all(stage, 60 if stage.full else 12)
    require(str(away).startswith("away"), f"the status says {away}")
    require(written >= count, f"{written} of {count} records were written")
    require(took is not None, f"{len(wanted - set(stage.guard.sink.ids))} of {len(wanted)} records never came")
    require(not reads.trouble, reads.trouble)
    twice = len(stage.guard.sink.ids) - len(set(stage.guard.sink.ids))
    return f"{len(wanted)} records there {took:.1f} s after the server, {twice} duplicates by id"


@case(
    "L2",
    "log server resets in the midst of a record; accepts and does not read",
    "resent, never cut in two",
    own=_Shipping,
    watch=False,
)
def server_resets(stage):
    sink = stage.guard.sink
    sink.down()
    sink.mode, sink.reset_after = "reset", 3_000
    before = sink.connections
    sink.up()
    _records(stage, 40, 20)
    broken = until(lambda: sink.connections >= before + 3, 10, every=0.02)
    sink.down()
    sink.mode = "deaf"
    sink.up()
    _records(stage, 20, 21)
    time.sleep(0.5)
    sink.down()
    sink.mode = "take"
    sink.up()
    took, wanted = _shipped_all(stage, 20)
    require(broken is not None, "the server was not called again after resets")
    require(took is not None, f"{len(wanted - set(sink.ids))} of {len(wanted)} records never came")
    require(all(message.endswith((b"}", b"]")) for message in sink.messages), "a record was cut in two")
    whole = f"{len(wanted)} of {len(wanted)} records whole"
    return f"{sink.connections - before} connections, {sink.cut} cut by the server, {whole}"


@case(
    "L3",
    "spool overflows while the log server is away",
    "declared choice (the oldest go), loss counted in a gap record",
    own=_SmallSpool,
    watch=False,
)
def spool_overflows(stage):
    _records(stage, OVERFLOW, 30)
    until(lambda: len(_verdicts(stage)) >= OVERFLOW, 8, every=0.1)
    behind = _fact(stage, "syslog_behind")
    stage.guard.sink.up()
    gap = until(lambda: _gaps(stage), 15, every=0.1)
    require(gap is not None, "the loss is not on record")
    last = _verdicts(stage)[-1]
    require(until(lambda: last in stage.guard.sink.ids, 5, every=0.1) is not None, "the newest record never came")
    lost = sum(one["facts"]["lost_records"] for one in _gaps(stage))
    written = [one["id"] for one in stage.guard.written()]
    until(lambda: set(written[-20:]) <= set(stage.guard.sink.ids), 5, every=0.1)
    missing = len(set(written) - set(stage.guard.sink.ids))
    require(missing == lost, f"{missing} records are missing, the gap speaks of {lost}")
    require(int(behind) > 0, "the status did not say that the server is behind")
    return f"{behind} behind in the status, {lost} oldest lost, exactly so on record, the newest there"


def _gaps(stage):
    return [one for one in stage.guard.written() if one["kind"] == "gap" and one["facts"].get("where") == "syslog"]


@case("L4", "witness silent, lying or forked", "ledger live while a quorum stands (not in this version)")
def witness(stage):
    raise CannotRun("this version has no witnessed ledger: records are plain lines")
