"""H: what the machine does to the gateway."""

import contextlib
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

from faultkit.guards import DEVICE_TIMEOUT_S, HELD, Icsguard
from faultkit.load import Worker
from faultkit.processes import cpu_s, descriptors, limited, until
from faultkit.registry import CannotRun, case, require
from faultkit.wire import Caller, Lost, adu, answer_to_read, read_pdu, write_pdu
from icsguard.control.replies import Done
from icsguard.control.requests import Approve, ListTickets
from icsguard.runtime.control_client import ask

FILES = 64
DAY_S = 86_400
HOLD_TTL_S = 1.0
SPIN = "import time; end = time.monotonic() + {seconds}\nwhile time.monotonic() < end: pass"


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
