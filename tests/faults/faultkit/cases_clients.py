"""C: hostile or broken clients."""

import asyncio
import contextlib
import random
import socket
import struct
import time
from pathlib import Path

from faultkit.guards import FORBIDDEN, INCOMPLETE_S
from faultkit.processes import cpu_s, descriptors, rss_mb, until
from faultkit.registry import CannotRun, case, require
from faultkit.wire import LOOPBACK, Lost, adu, next_tid, read_pdu, write_pdu

READ = read_pdu(0, 1)
MAX_GROWTH_MB = 16.0
CROWD_S = 20.0
TCP_REPAIR = 19
KEEPALIVE_TIMER = "02"


def no_framing():
    """Return byte streams that are no Modbus at all, by name."""
    rng = random.Random(3)
    bad = {f"length {length}": adu(1, READ, 30, length=length) for length in (0, 1, 255, 256, 4096, 32768, 65535)}
    bad |= {f"protocol {number}": adu(1, READ, 30, protocol=number) * 3 for number in (1, 256, 65535)}
    bad["garbage"] = b"\xa5\x5a" + rng.randbytes(30)
    bad["http"] = b"GET / HTTP/1.1\r\nHost: plc\r\n\r\n"
    bad["tls"] = bytes.fromhex("16030100c8010000c40303") + rng.randbytes(190)
    bad["64 KiB random"] = b"\xff" + rng.randbytes(65535)
    return bad


@case(
    "C1",
    "protocol id ≠ 0, every bad length, garbage, HTTP, TLS, 64 KiB random",
    "0 bytes at the device; closed, counted",
    peers=True,
)
def not_modbus(stage):
    before = stage.guard.status().now if stage.guard.ours else 0
    requests = _strange(stage)
    for name, data in no_framing().items():
        with stage.caller() as caller:
            with contextlib.suppress(Lost):
                caller.send(data)
            require(caller.closed_within(3.0), f"{name}: not closed")
    arrived = _strange(stage) - requests
    require(not arrived, f"{arrived} requests of unit 30 or malformed came to the device")
    if not stage.guard.ours:
        return "all closed"
    counted = [one for one in stage.guard.records(kind="malformed") if one.at >= before]
    require(counted, "no record speaks of it")
    return f"{len(no_framing())} of {len(no_framing())} closed, {sum(one.repeated for one in counted)} on record"


def _strange(stage):
    return stage.device.facts()["malformed"] + sum(raw[6] == 30 for raw in stage.device.log())


def contradictions():
    """Return PDUs that contradict themselves, by name (AP V1.1b3 §6)."""
    block = struct.pack(">BHHB", 16, 0, 2, 4) + bytes(4)
    bad = {f"fc{fc} quantity 0": struct.pack(">BHH", fc, 0, 0) for fc in (1, 2, 3, 4)}
    bad |= {
        f"fc{fc} quantity {n}": struct.pack(">BHH", fc, 0, n) for fc, n in ((1, 2001), (2, 2001), (3, 126), (4, 126))
    }
    bad |= {
        "read too short": READ[:-1],
        "read too long": READ + b"\0",
        "coil value": struct.pack(">BHH", 5, 0, 0x1234),
        "write too short": write_pdu(1, 2)[:-1],
        "write too long": write_pdu(1, 2) + b"\0",
        "block quantity 0": struct.pack(">BHHB", 16, 0, 0, 0),
        "block byte count": block[:5] + b"\x06" + block[6:],
        "block too short": block[:-1],
        "block too long": block + b"\0\0",
        "block of 124": struct.pack(">BHHB", 16, 0, 124, 248) + bytes(246),
        "coils byte count": struct.pack(">BHHB", 15, 0, 9, 1) + b"\1",
        "mask too short": struct.pack(">BHH", 22, 0, 1),
        "read/write byte count": struct.pack(">BHHHHB", 23, 0, 1, 0, 1, 4) + bytes(2),
    }
    return bad


@case(
    "C2",
    "PDU that contradicts its own counts or quantities",
    "refused (exception 3), 0 bytes at the device",
    peers=True,
)
def contradicting(stage):
    with stage.caller() as caller:
        for name, pdu in contradictions().items():
            answer = caller.ask(pdu, 31)
            require(answer.exception == 3, f"{name}: exception {answer.exception}")
        stage.honest(caller)
    arrived = sum(raw[6] == 31 for raw in stage.device.log())
    require(not arrived, f"{arrived} came to the device")
    return f"{len(contradictions())} of {len(contradictions())} refused, connection kept"


@case("C3", "header bytes dribbled by 200 clients", "reaped ≤ 10 s; no device connection for them", peers=True)
def dribblers(stage):
    before = stage.device.facts()["open"]
    seconds, most = asyncio.run(_dribble(stage, 200))
    require(seconds is not None, "not all were reaped within 10 s")
    more = most - before
    require(more <= 0, f"{more} device connections for clients that never asked anything")
    return f"200 reaped within {seconds:.1f} s (configured: {INCOMPLETE_S}), 0 device connections"


async def _dribble(stage, count):
    pairs = [await asyncio.open_connection(LOOPBACK, stage.guard.main) for _ in range(count)]
    started, most = time.monotonic(), 0
    head = adu(1, READ, 32)[:6] + b"\x20"
    for step in range(100):
        if step < len(head):
            for _, writer in pairs:
                if not writer.is_closing():
                    writer.write(head[step : step + 1])
        await asyncio.sleep(0.1)
        most = max(most, stage.device.facts()["open"])
        if all(reader.at_eof() or reader.exception() for reader, _ in pairs):
            break
    done = all(reader.at_eof() or reader.exception() for reader, _ in pairs)
    seconds = time.monotonic() - started
    await _close(pairs)
    return seconds if done else None, most


async def _close(pairs):
    for _, writer in pairs:
        writer.transport.abort()
    await asyncio.sleep(0.05)


@case("C3", "1 500 idle connections", "device connections unchanged; bounded; honest clients unharmed", peers=True)
def idle_crowd(stage):
    device, files = stage.device.facts()["open"], descriptors(stage.guard.pid)
    count = 10_000 if stage.full and stage.guard.ours and _may_open(10_500) else 1_500
    sockets, until_then = [], time.monotonic() + CROWD_S
    while len(sockets) < count and time.monotonic() < until_then:
        sock = _connect(stage.guard.main, len(sockets))
        if sock is not None:
            sockets.append(sock)
    count = len(sockets)
    time.sleep(0.5)
    opened, memory = stage.device.facts()["open"] - device, rss_mb(stage.guard.pid)
    time.sleep(0.5)
    for sock in sockets:
        sock.close()
    back = until(lambda: descriptors(stage.guard.pid) <= files + 2, 5)
    require(opened <= 0, f"{opened} device connections for {count} idle clients")
    require(back is not None, f"{descriptors(stage.guard.pid) - files} descriptors stay")
    return f"{count} connections, 0 to the device, gateway {memory:.0f} MB, descriptors back after {back:.1f} s"


def _may_open(count):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count <= hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    return hard >= count


def _connect(port, index):
    with contextlib.suppress(OSError):
        return socket.create_connection((LOOPBACK, port), 2, source_address=(f"127.0.1.{index % 250 + 1}", 0))
    return None


@case("C4", "storm of connects and resets", "no descriptor left, memory back", peers=True)
def reset_storm(stage):
    pid = stage.guard.pid
    files, memory = descriptors(pid), rss_mb(pid)
    count = 10_000 if stage.full else 1_000
    frame = stage.honest_frame(33)
    for index in range(count):
        sock = _connect(stage.guard.main, index)
        if sock is None:
            continue
        if index % 3:
            with contextlib.suppress(OSError):
                sock.sendall(frame[: 12 if index % 3 == 1 else 5])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
    back = until(lambda: descriptors(pid) <= files + 2, 5)
    require(back is not None, f"{descriptors(pid) - files} descriptors stay")
    grown = rss_mb(pid) - memory
    require(grown <= MAX_GROWTH_MB, f"memory grew by {grown:.0f} MB")
    return f"{count} storms, descriptors back after {back:.1f} s, {grown:+.1f} MB"


@case("C5", "client pipelines 60 000 reads and never reads", "memory bounded, others unharmed", peers=True)
def never_reads(stage):
    pid = stage.guard.pid
    memory = most = rss_mb(pid)
    data = b"".join(adu(index & 0xFFFF, read_pdu(0, 125), 34) for index in range(60_000))
    with stage.caller() as caller:
        caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        caller.socket.setblocking(False)  # noqa: FBT003 - the name of the thing
        sent, started = 0, time.monotonic()
        while sent < len(data) and time.monotonic() - started < 3:
            with contextlib.suppress(BlockingIOError):
                sent += caller.socket.send(data[sent : sent + 65536])
            most = max(most, rss_mb(pid))
            time.sleep(0.005)
        caller.reset()
    grown = most - memory
    require(grown <= MAX_GROWTH_MB, f"memory grew by {grown:.0f} MB")
    return f"{sent} of {len(data)} bytes taken, {grown:+.1f} MB"


@case("C6", "client vanishes without FIN (half-open)", "reaped by keepalive / TCP_USER_TIMEOUT")
def vanished(stage):
    with stage.caller() as caller:
        stage.honest(caller)
        local, remote = caller.socket.getsockname()[1], stage.guard.main
        time.sleep(0.3)
        seconds = _keepalive_s(remote, local)
        require(seconds is not None, "no keepalive timer runs on the client's connection")
        require(seconds <= 31, f"the first probe comes after {seconds:.0f} s")
        if not stage.full:
            return f"keepalive armed: first probe within {seconds:.0f} s"
        files = descriptors(stage.guard.pid)
        try:
            caller.socket.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        except OSError as error:
            raise CannotRun(f"keepalive armed; to vanish needs CAP_NET_ADMIN ({error.strerror})") from error
    gone = until(lambda: descriptors(stage.guard.pid) < files, 65, every=0.5)
    require(gone is not None, "still there after 65 s")
    return f"keepalive armed; reaped after {gone:.0f} s"


def _keepalive_s(local, remote):
    """Return when the next keepalive probe of a connection is due, from the kernel's table."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{local:04X}") and fields[2].endswith(f":{remote:04X}"):
            timer, when = fields[5].split(":")
            return int(when, 16) / 100 if timer == KEEPALIVE_TIMER else None
    return None


@case(
    "C7",
    "random mutations of valid frames",
    "alive; nothing malformed at the device; inspection unaffected",
    peers=True,
)
def mutations(stage):
    rng = random.Random(11)
    count, closed, answered = (20_000 if stage.full else 400), 0, 0
    caller = stage.caller()
    try:
        for _ in range(count):
            frame = mutated(rng, _valid(stage, rng))
            try:
                caller.send(frame + adu(next_tid(), write_pdu(FORBIDDEN, 1), 35))
                answered += bool(caller.quiet(0.002))
            except Lost:
                caller.close()
                caller, closed = stage.caller(), closed + 1
    finally:
        caller.close()
    with stage.caller() as caller:
        stage.honest(caller)
    reached = [raw for raw in stage.device.log() if raw[7] == 6 and raw[8:10] == FORBIDDEN.to_bytes(2)]
    require(not reached, f"{len(reached)} forbidden writes came to the device")
    return f"{count} mutations, {closed} connections ended, 0 forbidden at the device"


def _valid(stage, rng):
    address, value = stage.fresh()
    pdus = (read_pdu(rng.randrange(1000), rng.randrange(1, 20)), write_pdu(address, value))
    return adu(next_tid(), rng.choice(pdus), 36)


def mutated(rng, frame):
    """Return the frame with something wrong: a flipped bit, a byte changed, cut, doubled or put in."""
    data = bytearray(frame)
    for _ in range(rng.randrange(1, 3)):
        at = rng.randrange(len(data))
        kind = rng.randrange(5)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.randrange(256)
        elif kind == 2 and len(data) > 1:
            del data[at]
        elif kind == 3:
            data.insert(at, rng.randrange(256))
        else:
            data[at:at] = data[at : at + rng.randrange(1, 5)]
    return bytes(data)


@case(
    "C7", "an odd first PDU, then a valid forbidden write", "the write is refused, the device never sees it", peers=True
)
def odd_then_forbidden(stage):
    odd = [b"\x2b\x0e\x01\x00", b"\x07", b"\x5a\x00\x01", b"\x00", b"\x80", b"\xff\xff", b"\x08\x00\x04\x00\x00", READ]
    with stage.caller() as caller:
        for pdu in odd:
            tid = next_tid()
            caller.send(adu(next_tid(), pdu, 37) + adu(tid, write_pdu(FORBIDDEN, 2), 37))
            while (answer := caller.receive()).tid != tid:
                pass
            require(answer.exception, f"after {pdu.hex()}: the forbidden write was acknowledged")
    reached = [raw for raw in stage.device.log() if raw[7] == 6 and raw[6] == 37]
    require(not reached, f"{len(reached)} forbidden writes came to the device")
    return f"{len(odd)} of {len(odd)} refused"


@case("C7", "flood of forbidden writes", "0 at the device; the gateway answers each; honest clients unharmed")
def forbidden_flood(stage):
    used, started = cpu_s(stage.guard.pid), time.monotonic()
    count = 0
    with stage.caller() as caller:
        while time.monotonic() - started < 1.0:
            caller.send(b"".join(adu(index, write_pdu(FORBIDDEN, index), 38) for index in range(20)))
            for _ in range(20):
                require(caller.receive().exception, "a forbidden write was acknowledged")
            count += 20
            time.sleep(0.004)
    require(not stage.device.facts()["writes"], "forbidden writes came to the device")
    share = (cpu_s(stage.guard.pid) - used) / (time.monotonic() - started)
    return f"{count} refused in 1 s ({share:.0%} of a core)"
