"""H2, H6, H7: what disks and files do to the gateway."""

import contextlib
import os
import resource
import signal
import subprocess
import tempfile
from pathlib import Path

from faultkit.guards import FORBIDDEN, Icsguard
from faultkit.load import Worker
from faultkit.processes import limited, until
from faultkit.registry import CannotRun, case, require
from faultkit.wire import write_pdu
from icsguard.control.replies import Done
from icsguard.control.requests import SetMode
from icsguard.core.decision import Mode
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.runtime.control_client import ask
from icsguard.runtime.cursor import Cursor
from icsguard.runtime.record_writer import RecordWriter
from icsguard.runtime.rotating import RotatingLines
from icsguard.runtime.state_file import FILE_NAME, KeptMode, KeptState, read_state, write_state


@case(
    "H2",
    "no more can be written: records (file size limit of the recorder)",
    "traffic goes on; alarm; written once there is room",
)
def records_full(stage):
    guard = stage.guard
    until(guard.records_path.exists, 5)
    pid, limit = guard.parts()["recorder"].pid, guard.records_path.stat().st_size
    with Worker(guard.main, 24) as reads, Worker(guard.main, 25, stage=stage) as writes:
        with limited(pid, resource.RLIMIT_FSIZE, limit):
            _refused(stage, 30)
            alarm = until(lambda: str(_disk(guard)).startswith("failed"), 5, every=0.05)
        wanted = {one.id for one in guard.records() if one.client.startswith("127.0.3.")}
        back = until(lambda: wanted <= {one["id"] for one in guard.written()}, 8, every=0.1)
    require(alarm is not None, "the status does not say that records cannot be written")
    require(back is not None, "records that waited were not written")
    require(not reads.trouble and not writes.trouble, f"{reads.trouble} {writes.trouble}")
    return f"alarm after {alarm:.1f} s, {len(wanted)} records written {back:.1f} s after there was room"


def _refused(stage, count):
    for index in range(count):
        with stage.caller(source=f"127.0.3.{index + 1}") as caller:
            require(caller.ask(write_pdu(FORBIDDEN, index), 20).exception, "a forbidden write was acknowledged")


@case(
    "H2",
    "no more can be written: state (file size limit of the gateway)",
    "traffic goes on; warning; kept once there is room",
)
def state_full(stage):
    guard = stage.guard
    pid = guard.pid
    with Worker(guard.main, 24) as reads:
        with limited(pid, resource.RLIMIT_FSIZE, 0):
            _mode(guard, Mode.OBSERVE)
            warned = until(lambda: "kept" in guard.warnings(), 5, every=0.05)
        gone = until(lambda: "kept" not in guard.warnings(), 5, every=0.05)
        state = read_state(guard.folder / "state")[0]
        _mode(guard, Mode.ENFORCE)
    require(warned is not None, "the status does not warn")
    require(gone is not None, "the warning stays")
    require(state.modes.get("sick", KeptMode(Mode.LEARN, Mode.LEARN)).mode is Mode.OBSERVE, "the mode was not kept")
    require(not reads.trouble, reads.trouble)
    return f"warned after {warned:.1f} s, kept {gone:.1f} s after there was room"


def _mode(guard, mode):
    reply = ask(guard.control, SetMode(conduit="sick", mode=mode, reason="a fault case"), 5.0)
    require(isinstance(reply, Done), f"the mode was not changed: {reply}")


@case("H6", "state file cut at every length, every byte flipped", "starts with a safe default, says which file")
def damaged_state(stage):
    folder = Path(tempfile.mkdtemp(dir=stage.folder))
    write_state(folder, KeptState(modes={"main": KeptMode(Mode.OBSERVE, Mode.ENFORCE)}))
    path = folder / FILE_NAME
    whole = path.read_bytes()
    good = read_state(folder)[0]
    require(good.modes, "the whole file is not read")
    damaged = [whole[:size] for size in range(len(whole) - 1)]
    damaged += [
        whole[:at] + bytes((whole[at] ^ bit,)) + whole[at + 1 :] for at in range(len(whole)) for bit in (1, 0x80)
    ]
    silent = taken = 0
    for data in damaged:
        path.write_bytes(data)
        state, said = read_state(folder)
        taken += state != KeptState() and state != good
        silent += state != good and str(path) not in said
    require(not taken, f"{taken} damaged files were taken for something else")
    require(not silent, f"{silent} damaged files were passed over in silence")
    return f"{len(damaged)} damaged files: none taken for another state, each named"


class _DamagedState(Icsguard):
    """icsguard's gateway that finds its state file damaged."""

    def __init__(self, folder, main, sick):
        super().__init__(folder, main, sick, whole=False)
        write_state(self.folder / "state", KeptState(modes={"main": KeptMode(Mode.OBSERVE, Mode.ENFORCE)}))
        path = self.folder / "state" / FILE_NAME
        path.write_bytes(path.read_bytes().replace(b"observe", b"obserwe"))


@case(
    "H6",
    "gateway starts on a damaged state file",
    "serves as configured; says which file; keeps it aside",
    own=_DamagedState,
)
def starts_on_damaged_state(stage):
    guard = stage.guard
    require(FILE_NAME in guard.warnings(), f"the status does not name the file: {guard.warnings()}")
    require(guard.conduit().mode is Mode.ENFORCE, f"mode {guard.conduit().mode}")
    told = [one for one in guard.records() if FILE_NAME in one.text]
    require(told, "no record speaks of it")
    require(list((guard.folder / "state").glob("*.broken")), "the damaged file is gone")
    with stage.caller() as caller:
        require(caller.ask(write_pdu(FORBIDDEN, 1), 20).exception, "a forbidden write was acknowledged")
        stage.honest(caller)
    return f"enforces as configured; status and record: {told[0].text[told[0].text.index('is damaged') :]}"


@case(
    "H7",
    "power cut while records are written: file cut at every length",
    "valid prefix; at most the torn record lost, said as a gap",
)
def cut_records(stage):
    folder = Path(tempfile.mkdtemp(dir=stage.folder))
    path = folder / "records.jsonl"
    writer = RecordWriter(RotatingLines(path, 1 << 20, 2), "host", lambda: 0)
    writer.open()
    for number in range(4):
        writer.put(Record(f"r-{number}", RecordKind.VERDICT, number, Severity.INFO, "a record"))
    writer.flush()
    writer.close()
    whole = path.read_bytes()
    ends = [0, *(at + 1 for at, byte in enumerate(whole) if byte == 10)]
    step = 1 if stage.full else 3
    for size in range(0, len(whole) + 1, step):
        path.write_bytes(whole[:size])
        files = RotatingLines(path, 1 << 20, 2)
        opened = files.open()
        files.append([b'{"seq":99}\n'])
        files.close()
        kept = max(end for end in ends if end <= size)
        now = path.read_bytes()
        require(now.startswith(whole[:kept]), f"cut at {size}: whole lines changed")
        require(now.endswith(b'\n{"seq":99}\n') or size == 0, f"cut at {size}: a new line is glued to a torn one")
        require(opened.torn == size - kept, f"cut at {size}: {opened.torn} torn bytes, not {size - kept}")
    cursor = folder / "shipped"
    for data in (b"", b"x" * 50, b"\xff" * 8, b"-1", b"9" * 400):
        cursor.write_bytes(data)
        Cursor(cursor).load()
    return f"{len(range(0, len(whole) + 1, step))} cuts: whole lines kept, the torn one closed and counted"


class _TinyDisk(Icsguard):
    """icsguard whose state lies on a disk of one megabyte."""

    def __init__(self, folder, main, sick):
        super().__init__(folder, main, sick)
        self.disk = self.folder / "state"
        if os.geteuid() != 0:
            raise CannotRun("a small disk of its own needs root")
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "icsguard-faults", self.disk], capture_output=True, check=False
        )
        if done.returncode:
            raise CannotRun(f"no small disk can be mounted: {done.stderr.decode().strip()[:200]}")

    def remount(self, how):
        """Make it read-only or writable."""
        subprocess.run(["mount", "-o", f"remount,{how}", self.disk], check=True, capture_output=True)

    def stop(self):
        """Stop it and take the disk away."""
        super().stop()
        subprocess.run(["umount", "-l", self.disk], check=False, capture_output=True)


@case(
    "H2",
    "disk of state and records full",
    "traffic goes on; alarm; gap marked or everything written afterwards",
    own=_TinyDisk,
)
def disk_full(stage):
    guard = stage.guard
    filler = guard.disk / "filler"
    with Worker(guard.main, 24) as reads, Worker(guard.main, 25, stage=stage) as writes:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        _refused(stage, 60)
        alarm = until(lambda: str(_disk(guard)).startswith("failed"), 8, every=0.05)
        filler.unlink()
        wanted = {one.id for one in guard.records() if one.client.startswith("127.0.3.")}
        back = until(lambda: wanted <= {one["id"] for one in guard.written()}, 8, every=0.1)
    require(alarm is not None, "no alarm in the status")
    require(back is not None, "records that waited were not written")
    require(not reads.trouble and not writes.trouble, f"{reads.trouble} {writes.trouble}")
    return f"alarm after {alarm:.1f} s; {len(wanted)} records written {back:.1f} s after there was room"


@case("H2", "disk of state and records read-only", "traffic goes on; alarm; written afterwards", own=_TinyDisk)
def disk_read_only(stage):
    guard = stage.guard
    recorder = guard.parts()["recorder"].pid
    with Worker(guard.main, 24) as reads, Worker(guard.main, 25, stage=stage) as writes:
        os.kill(recorder, signal.SIGKILL)  # an open file keeps a disk writable: a new recorder finds it read-only
        until(lambda: guard.parts()["recorder"].state == "down", 2, every=0.002)
        try:
            guard.remount("ro")
        except subprocess.CalledProcessError as error:
            raise CannotRun(f"the disk cannot be made read-only: {error.stderr.decode().strip()[:100]}") from error
        _refused(stage, 20)
        alarm = until(lambda: str(_disk(guard)).startswith("failed"), 10, every=0.05)
        guard.remount("rw")
        wanted = {one.id for one in guard.records() if one.client.startswith("127.0.3.")}
        back = until(lambda: wanted <= {one["id"] for one in guard.written()}, 8, every=0.1)
    require(alarm is not None, "no alarm in the status")
    require(back is not None, "records that waited were not written")
    require(not reads.trouble and not writes.trouble, f"{reads.trouble} {writes.trouble}")
    return f"alarm after {alarm:.1f} s; {len(wanted)} records written {back:.1f} s after it was writable"


def _disk(guard):
    return guard.parts()["recorder"].facts.get("disk", "")
