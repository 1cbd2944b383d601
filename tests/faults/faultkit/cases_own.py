"""S: our own processes die, hang, reload; and the hours that they run."""

import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import time

from faultkit import corrupted, hostile_models, kills, soak
from faultkit.bystander import at
from faultkit.guards import DEVICE_TIMEOUT_S, FORBIDDEN, Icsguard
from faultkit.load import Worker
from faultkit.processes import listens, rss_mb, until
from faultkit.registry import case, require
from faultkit.wire import Caller, Lost, adu, next_tid, read_pdu, write_pdu
from icsguard.control.replies import Done, Failure
from icsguard.runtime.files import check_config

DEADLINE_S = 0.02
RESTART_S = 0.3
ENOUGH = 100
NOMINAL_START_S = 0.06
"""What the interpreter with these packages takes on a quiet machine of two cores: bounds on starting processes scale
with what it takes while the case runs, because a machine that others use starts nothing in time."""
MORE_RULES = """[[rule]]
id = "more{number}"
clients = ["anybody"]
units = [1]
functions = [3]
ranges = ["holding 5{number:04}"]
"""


def slowness():
    """Return how much slower than nominal this machine starts an interpreter right now, at least 1."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", "import asyncio, uvloop, msgspec"], check=True)
    return max(1.0, (time.monotonic() - started) / NOMINAL_START_S)


@case("S1", "SIGKILL of the gateway under `icsguard run`", "back by itself; nothing lost or repeated", watch=True)
def gateway_killed(stage):
    stage.spares_bystander = True
    took = []
    for _ in range(3):
        with stage.caller() as caller:
            for _ in range(5):
                stage.write(caller)
        pid = stage.guard.pid
        os.kill(pid, signal.SIGKILL)
        started = time.monotonic()
        until(lambda: _served(stage), 10, every=0.005)
        took.append(time.monotonic() - started)
        require(
            until(lambda pid=pid: stage.guard.is_up() and stage.guard.pid != pid, 15) is not None,
            "not all parts came back",
        )
    return f"served again after {', '.join(f'{1000 * one:.0f}' for one in took)} ms"


def _served(stage):
    try:
        with Caller(stage.guard.main, wait_s=1.0) as caller:
            return not caller.ask(read_pdu(0, 1), 20, wait_s=1.0).exception
    except (OSError, Lost):
        return False


@case("S2", "SIGKILL of the shadow", "reads unaffected; writes at the deadline; scoring back ≤ 1 s; on record")
def shadow_killed(stage):
    since = stage.guard.status().now
    with Worker(stage.guard.main, 20) as reads, Worker(stage.guard.main, 21, stage=stage) as writes:
        time.sleep(0.2)
        os.kill(stage.guard.parts()["shadow"].pid, signal.SIGKILL)
        started = time.monotonic()
        until(lambda: stage.guard.parts()["shadow"].state == "down", 2, every=0.002)
        require(
            until(lambda: stage.guard.parts()["shadow"].state == "up", 15) is not None, "the shadow did not come back"
        )
        back = time.monotonic() - started
        time.sleep(0.2)
    _unharmed(stage, reads, writes, since)
    allowed = 1.0 * slowness()
    require(back <= allowed, f"scoring back after {back:.2f} s (allowed {allowed:.2f})")
    return f"{reads.right} reads, {writes.right} writes (longest {writes.worst_ms:.0f} ms); back after {back:.2f} s"


@case("S2", "SIGSTOP of the shadow for 1 s", "reads unaffected; writes at the deadline; on record; scoring again")
def shadow_stopped(stage):
    since = stage.guard.status().now
    pid = stage.guard.parts()["shadow"].pid
    with Worker(stage.guard.main, 22) as reads, Worker(stage.guard.main, 23, stage=stage) as writes:
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(1.0)
        finally:
            os.kill(pid, signal.SIGCONT)
        time.sleep(0.3)
    _unharmed(stage, reads, writes, since)
    time.sleep(0.2)
    after = stage.guard.status().now
    with stage.caller() as caller:
        for _ in range(5):
            stage.write(caller)
    late = [one for one in stage.guard.records(kind="failover") if one.at > after]
    require(len(late) < 5, "writes still go without an opinion")
    return f"{reads.right} reads, {writes.right} writes, longest {writes.worst_ms:.0f} ms"


def _unharmed(stage, reads, writes, since):
    require(not reads.trouble, f"reads: {reads.trouble}")
    require(not writes.trouble, f"writes: {writes.trouble}")
    require(writes.right >= 5, f"only {writes.right} writes were done")
    limit = 1000 * (DEADLINE_S + 0.05 + 2 * stage.slack_s())
    require(writes.worst_ms <= limit, f"a write took {writes.worst_ms:.0f} ms (allowed {limit:.0f})")
    failovers = [one for one in stage.guard.records(kind="failover") if one.at >= since]
    require(failovers, "no record of writes that went without an opinion")
    require(all(one.failure_policy == "policy_alone" for one in failovers), "a record does not name the failure policy")


@case("S3", "SIGKILL of the recorder", "traffic unaffected; gap on record; back by itself")
def recorder_killed(stage):
    with Worker(stage.guard.main, 24) as reads:
        for round_ in range(2):
            _refusals(stage, 50, round_)
            os.kill(stage.guard.parts()["recorder"].pid, signal.SIGKILL)
            until(lambda: stage.guard.parts()["recorder"].state == "down", 2, every=0.002)
            _refusals(stage, 20, round_ + 10)
            back = until(lambda: stage.guard.parts()["recorder"].state == "up", 15)
            require(back is not None, "the recorder did not come back")
        found = until(lambda: [one for one in stage.guard.written() if one["kind"] == "gap"], 5, every=0.1)
    require(not reads.trouble, reads.trouble)
    require(found is not None, "no gap is on record")
    last = [one for one in stage.guard.records() if one.client.startswith("127.0.2.")][-1].id
    there = until(lambda: any(one["id"] == last for one in stage.guard.written()), 5, every=0.1)
    require(there is not None, "records made while it was away are not on disk")
    return f"{reads.right} reads right; records made meanwhile are on disk, the gap is marked"


def _refusals(stage, count, series):
    """Have `count` writes refused from clients of which each gets a record of its own."""
    for index in range(count):
        with stage.caller(source=f"127.0.2.{(series * 50 + index) % 250 + 1}") as caller:
            require(
                caller.ask(write_pdu(FORBIDDEN + series, index), 20).exception, "a forbidden write was acknowledged"
            )


@case("S3", "SIGSTOP of the recorder for 1 s under load", "traffic unaffected; bounded queue; nothing lost")
def recorder_stopped(stage):
    pid, memory, since = stage.guard.parts()["recorder"].pid, rss_mb(stage.guard.pid), stage.guard.status().now
    with Worker(stage.guard.main, 25, pause_s=0.002) as reads:
        os.kill(pid, signal.SIGSTOP)
        try:
            _refusals(stage, 100, 20)
            time.sleep(0.8)
        finally:
            os.kill(pid, signal.SIGCONT)
        wanted = {one.id for one in stage.guard.records() if one.at >= since and one.client.startswith("127.0.2.")}
        there = until(lambda: wanted <= {one["id"] for one in stage.guard.written()}, 8, every=0.1)
    require(not reads.trouble, reads.trouble)
    require(there is not None, "records were lost")
    grown = rss_mb(stage.guard.pid) - memory
    require(grown < 32, f"the gateway grew by {grown:.0f} MB")
    return f"{reads.right} reads right, {len(wanted)} records kept, {grown:+.1f} MB"


@case("S5", "policy reloads under load", "0 errors, 0 reconnects")
def reloads(stage):
    count = 100 if stage.full else 4
    stage.watches_latency = stage.full
    with Worker(stage.guard.main, 26) as reads, Worker(stage.guard.main, 27, stage=stage) as writes:
        for number in range(count):
            stage.guard.write_policy(MORE_RULES.format(number=number))
            stage.reload()
        stage.guard.write_policy()
        stage.reload()
    require(not reads.trouble, f"reads: {reads.trouble}")
    require(not writes.trouble, f"writes: {writes.trouble}")
    return f"{count + 1} reloads, {reads.right} reads and {writes.right} writes right, longest {reads.worst_ms:.0f} ms"


@case(
    "S6", "invalid policy, configuration or point list at a reload", "refused with file, line, hint; the old one serves"
)
def invalid_reload(stage):
    folder, said = stage.guard.folder, []
    broken = {
        "policy.toml": "[[rule]\nid = 1\n",
        "icsguard.toml": stage.guard.config.read_text().replace('mode = "enforce"', 'mode = "enforced"', 1),
    }
    with Worker(stage.guard.main, 28) as reads:
        for name, text in broken.items():
            before = (folder / name).read_text()
            (folder / name).write_text(text)
            reply = stage.guard.reload()
            (folder / name).write_text(before)
            require(isinstance(reply, Failure), f"a broken {name} was taken: {reply}")
            line = " ".join((reply.text, *reply.details))
            require(f"{name}:" in line, f"neither file nor line: {line}")
            said.append(line)
        require("reload" in stage.guard.warnings(), "the status does not warn")
        require(isinstance(stage.guard.reload(), Done), "the good one is refused")
    require(not reads.trouble, reads.trouble)
    return f"{len(broken)} of {len(broken)} refused with file and line, {reads.right} reads right"


@case(
    "S6", "random damage in configuration, policy, point list", "refused with file and reason, or still valid; no crash"
)
def corrupted_files(stage):
    folder = stage.folder / "corrupted"
    folder.mkdir(exist_ok=True)
    rng, refused, taken = random.Random(13), 0, 0
    for number in range(1_000 if stage.full else 60):
        texts = dict(corrupted.SITE)
        name = list(texts)[number % len(texts)]
        texts[name] = corrupted.damaged(rng, texts[name])
        for file, text in texts.items():
            (folder / file).write_text(text, encoding="utf-8")
        settings, problems = check_config(folder / "icsguard.toml")
        if settings is not None:
            taken += 1
            continue
        refused += 1
        require(problems, f"refused without a word: {texts[name]!r:.200}")
        require(all(one.file and one.message for one in problems), f"neither file nor text: {problems[0]}")
    require(refused > taken, f"{taken} of {refused + taken} damaged files were taken")
    return f"{refused} refused with file and reason, {taken} still valid, 0 crashes"


@case("S7", "hostile model files", "refused before they run; the shadow serves on")
def hostile_model(stage):
    return hostile_models.play(stage)


@case("S8", "very many transactions", "memory and descriptors flat")
def many_transactions(stage):
    return soak.play(stage, 1_000_000 if stage.full else 15_000)


def _gateway_alone(folder, main, sick):
    return Icsguard(folder, main, sick, whole=False)


@case(
    "S1",
    "SIGKILL of the gateway under 64 writing clients",
    "0 acknowledged writes lost, 0 replayed, 0 crossed; p99 ≤ 300 ms",
    own=_gateway_alone,
    watch=False,
)
def gateway_killed_often(stage):
    tries = acknowledged = unknown = 0
    times = kills.Tally()
    slow, left = 1.0, stage.kills
    while left:
        slow = max(slow, slowness())
        stage.device.order("forget")
        tally = asyncio.run(kills.campaign(stage, min(left, 20)))
        left -= min(left, 20)
        _check_tally(stage, tally)
        for name in ("back_ms", "net_ms", "cpu_ms"):
            getattr(times, name).extend(getattr(tally, name))
        tries, acknowledged = tries + tally.tried, acknowledged + len(tally.acknowledged)
        unknown += tally.unknown
    fate = f"{stage.kills} kills, {tries} writes, {acknowledged} acknowledged, {unknown} without an answer"
    return f"{fate}, 0 lost, 0 repeated; {_restart(times, slow)}"


def _restart(times, slow):
    """Say how long the gateway was away; raise Broken where that was too long, even for this machine right now."""
    net, back = (sorted(found) for found in (times.net_ms, times.back_ms))
    allowed = 1000 * RESTART_S * slow
    said = f"first answer p50 {at(back, 0.5):.0f} ms, p99 {at(back, 0.99):.0f} ms, of which it had a processor for "
    said += f"{at(net, 0.5):.0f} and {at(net, 0.99):.0f} and used it for {statistics.median(times.cpu_ms):.0f} ms"
    if slow > 1:
        said += f"; the machine starts programs {slow:.1f} times slower than when quiet"
    judged = at(net, 0.99 if len(net) >= ENOUGH else 0.5)  # the p99 of a few is their worst
    require(judged <= allowed, f"no write lost or repeated, but {said}; allowed {allowed:.0f} ms")
    return said


def _check_tally(stage, tally):
    arrived = stage.device.values()
    lost = [key for key in tally.acknowledged if not arrived.get(key)]
    require(not lost, f"{len(lost)} acknowledged writes lost: {lost[:3]}")
    repeated = [key for key, count in arrived.items() if count > 1]
    require(not repeated, f"{len(repeated)} writes repeated: {repeated[:3]}")
    require(not tally.crossed, f"{len(tally.crossed)} crossed: {tally.crossed[:2]}")
    require(tally.acknowledged, "no write was acknowledged at all")


@case(
    "S4",
    "SIGTERM with transactions in flight",
    "stops accepting, in-flight transactions answered, exit 0",
    own=_gateway_alone,
    peers=True,
    watch=False,
)
def drained(stage):
    stage.device.plan(u29={"delay": DEVICE_TIMEOUT_S / 2})
    with stage.caller() as caller, stage.caller() as idle:
        stage.honest(idle)
        tids = [next_tid() for _ in range(3)]
        for tid in tids:
            caller.send(adu(tid, read_pdu(tid % 100, 1), 29))
        time.sleep(0.05)
        os.kill(stage.guard.main_pid, signal.SIGTERM)
        time.sleep(0.05)
        require(until(lambda: not listens(stage.guard.main), 1) is not None, "it still accepts")
        answered = [caller.receive().tid for _ in tids]
        require(answered == tids, f"answered {answered} of {tids}")
        require(caller.closed_within(2) and idle.closed_within(2), "connections stay open")
    if stage.guard.ours:
        require(stage.guard.process.wait(5) == 0, f"exit status {stage.guard.process.returncode}")
    return "3 of 3 answered, exit 0"
