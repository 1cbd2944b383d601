"""H: what the machine does to the gateway."""

import contextlib
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from faultkit.guards import DEVICE_TIMEOUT_S, FORBIDDEN, HELD, Icsguard
from faultkit.load import Worker
from faultkit.processes import cpu_s, descriptors, limited, until
from faultkit.registry import CannotRun, case, require
from faultkit.wire import Caller, Lost, adu, answer_to_read, read_pdu, write_pdu
from icsguard.control.replies import Done
from icsguard.control.requests import Approve, ListTickets, SetMode
from icsguard.core.decision import Mode
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.runtime.control_client import ask
from icsguard.runtime.cursor import Cursor
from icsguard.runtime.record_writer import RecordWriter
from icsguard.runtime.rotating import RotatingLines
from icsguard.runtime.state_file import FILE_NAME, KeptMode, KeptState, read_state, write_state

FILES = 64
DAY_S = 86_400
HOLD_TTL_S = 1.0
SPIN = "import time; end = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"


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


def _niced(folder, main, sick):
    return Icsguard(folder, main, sick, whole=False, nice=19)


@case("H4", "all cores busy, gateway niced to 19", "0 errors", own=_niced, watch=False)
def starved(stage):
    seconds = 5.0 if stage.full else 1.5
    burners = [
        subprocess.Popen([sys.executable, "-c", SPIN.format(seconds=seconds)]) for _ in range(os.cpu_count() or 1)
    ]
    with Worker(stage.guard.main, 24) as reads, Worker(stage.guard.main, 25, stage=stage) as writes:
        for burner in burners:
            burner.wait()
    require(not reads.trouble, f"reads: {reads.trouble}")
    require(not writes.trouble, f"writes: {writes.trouble}")
    require(reads.right and writes.right, "nothing was answered")
    return f"{reads.right} reads, {writes.right} writes right, longest {max(reads.worst_ms, writes.worst_ms):.0f} ms"


@case("H5", "gateway stopped and continued", "no wrong or stale answer; everything answered once")
def stopped(stage):
    stage.spares_bystander = True
    stage.device.plan(u48={"delay": 0.1})
    seconds = 2.0 if stage.full else DEVICE_TIMEOUT_S + 0.4
    with stage.caller() as caller:
        stage.honest(caller)
        caller.send(adu(801, read_pdu(1, 2), 48) + adu(802, read_pdu(2, 2), 48))
        time.sleep(0.03)
        os.kill(stage.guard.pid, signal.SIGSTOP)
        try:
            caller.send(adu(803, read_pdu(3, 2), 20))
            time.sleep(seconds)
        finally:
            os.kill(stage.guard.pid if not stage.guard.whole else _gateway_pid(stage), signal.SIGCONT)
        got = {}
        for _ in range(3):
            answer = caller.receive()
            require(answer.tid not in got, f"transaction {answer.tid} was answered twice")
            got[answer.tid] = answer
        for tid, unit in ((801, 48), (802, 48), (803, 20)):
            allowed = {answer_to_read(unit, tid - 800, 2), b"\x83\x0b", b"\x83\x06"}
            require(got[tid].pdu in allowed, f"transaction {tid}: {got[tid].pdu.hex()}")
        require(caller.quiet(0.1) == b"", "something more came")
        for _ in range(5):
            stage.honest(caller)
    return f"stopped {seconds:.1f} s: 3 of 3 answered once ({', '.join(got[tid].pdu[:2].hex() for tid in sorted(got))})"


@case("H5", "gateway stopped while a ticket's time runs out", "the expired permission sends nothing")
def ticket_expires_meanwhile(stage):
    stage.spares_bystander = True
    guard, pdu = stage.guard, write_pdu(HELD, stage.fresh()[1])
    pid = guard.pid
    with stage.caller() as caller:
        require(caller.ask(pdu, 20).exception == 6, "a write that needs a human was not held")
        _approve_last(guard)
        os.kill(pid, signal.SIGSTOP)
        try:
            caller.send(adu(950, pdu, 20))
            time.sleep(HOLD_TTL_S + 0.3)
        finally:
            os.kill(pid, signal.SIGCONT)
        answer = caller.receive()
        require(answer.exception == 6, f"the retry got {answer.pdu.hex()}")
        require(not stage.device.facts()["writes"], "the write was sent with a permission that had expired")
        _approve_last(guard)
        require(caller.ask(pdu, 20).pdu == pdu, "a fresh permission does not pass")
        require(caller.ask(pdu, 20).exception == 6, "a permission passed twice")
    require(stage.device.facts()["writes"] == 1, f"{stage.device.facts()['writes']} writes at the device")
    return "held, approved, expired: busy and not sent; approved anew: once"


def _approve_last(guard):
    ticket = ask(guard.control, ListTickets(), 5.0).tickets[-1].id
    reply = ask(guard.control, Approve(ticket=ticket, reason="a fault case"), 5.0)
    require(isinstance(reply, Done), f"not approved: {reply}")


def _gateway_pid(stage):
    return next(int(pid) for pid in children(stage.guard.process.pid) if _runs(pid, "icsguard.runtime.gateway"))


def children(pid):
    """Return the processes that `pid` started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _runs(pid, module):
    return module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()


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


@case("H8", "the shadow runs out of memory", "as S2: reads and writes go on, it comes back")
def shadow_out_of_memory(stage):
    before = stage.guard.parts()["shadow"].pid
    with Worker(stage.guard.main, 22) as reads, Worker(stage.guard.main, 23, stage=stage) as writes:
        with limited(before, resource.RLIMIT_AS, 1 << 20):
            os.kill(before, signal.SIGHUP)
            time.sleep(0.6)
        up = until(lambda: stage.guard.parts()["shadow"].state == "up", 15)
    require(up is not None, "the shadow did not come back")
    require(not reads.trouble, f"reads: {reads.trouble}")
    require(not writes.trouble, f"writes: {writes.trouble}")
    fate = "survived" if stage.guard.parts()["shadow"].pid == before else "was started anew"
    return f"{reads.right} reads, {writes.right} writes right; the shadow {fate}"


def _few_files(folder, main, sick):
    return Icsguard(folder, main, sick, whole=False, most_files=FILES)


@case(
    "H1",
    "file descriptors run out (limit 64)",
    "bystander served throughout; no spin; recovers < 1 s after release",
    own=_few_files,
)
def descriptors_run_out(stage):
    pid = stage.guard.pid
    started, used = time.monotonic(), cpu_s(pid)
    crowd, served = [], 0
    for _ in range(100):
        with contextlib.suppress(OSError):
            crowd.append(Caller(stage.guard.main, wait_s=0.3))
    for caller in crowd:
        with contextlib.suppress(Lost):
            served += not caller.ask(read_pdu(0, 1), 20, wait_s=0.3).exception
    time.sleep(0.5)
    share = (cpu_s(pid) - used) / (time.monotonic() - started)
    most = descriptors(pid)
    for caller in crowd:
        caller.close()
    back = until(lambda: _once(stage), 5, every=0.02)
    require(back is not None and back < 1 + stage.slack_s(), f"served again after {back} s")
    require(served >= 5, f"only {served} clients were served with {FILES} descriptors")
    require(share < 0.5, f"it used {share:.0%} of a core while nothing was to be done")
    use = f"{most} of {FILES} open, {share:.0%} of a core"
    return f"{served} of 100 served, {use}; served again {1000 * back:.0f} ms after release"


def _once(stage):
    try:
        with stage.caller() as caller:
            return not caller.ask(read_pdu(0, 1), 20, wait_s=0.5).exception
    except (OSError, Lost):
        return False


class _Stepped(Icsguard):
    """icsguard's gateway with a wall clock that can be moved."""

    def __init__(self, folder, main, sick):
        self.shift = Path(folder) / "clock"
        self.shift.write_bytes(struct.pack("q", 0))
        library = _built(Path(folder))
        super().__init__(
            folder, main, sick, whole=False, preload={"LD_PRELOAD": str(library), "FAULTS_CLOCK": str(self.shift)}
        )

    def step(self, seconds):
        """Move its wall clock to so many seconds from the true one."""
        with self.shift.open("r+b") as file:
            file.write(struct.pack("q", seconds))


def _built(folder):
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise CannotRun("no C compiler to build the clock that steps: apt install gcc libc6-dev")
    library = folder / "step_clock.so"
    source = Path(__file__).with_name("step_clock.c")
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotRun(f"the clock that steps is not built: {done.stderr.strip()[-200:]}")
    return library


@case("H3", "wall clock steps ±30 days", "timeouts unaffected; the record shows the step", own=_Stepped)
def clock_steps(stage):
    stage.device.plan(u41={"do": "silent"})
    late = []
    with stage.caller() as caller:
        for days in (30, -30, 0):
            caller.send(adu(900, read_pdu(0, 1), 41))
            time.sleep(DEVICE_TIMEOUT_S / 2)
            stage.guard.step(days * DAY_S)
            answer = caller.receive()
            late.append(answer.seconds + DEVICE_TIMEOUT_S / 2 - DEVICE_TIMEOUT_S)
            require(answer.exception == 0x0B, f"told {answer.exception:#x}")
            stage.honest(caller)
            time.sleep(1.1)
    told = [one.text for one in stage.guard.records() if "stepped" in one.text]
    require(len(told) >= 3, f"{len(told)} of 3 steps are on record")
    require(
        max(late) <= 0.02 + stage.slack_s() and min(late) > -0.05,
        f"timeouts were off by {[round(x, 3) for x in late]} s",
    )
    return f"3 steps on record ({told[0]}), timeouts off by at most {1000 * max(late):.0f} ms"


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
