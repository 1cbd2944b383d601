"""D: what devices do to a gateway."""

import contextlib
import socket
import time

from faultkit.guards import CONNECT_TIMEOUT_S, DEVICE_TIMEOUT_S
from faultkit.processes import free_port, until
from faultkit.registry import case, require
from faultkit.wire import LOOPBACK, Lost, adu, answer_to_read, next_tid, read_pdu, write_pdu

PRECISION_S = 0.010
"""How much later than the timeout a client may be told."""
NO_PATH, NO_ANSWER = 0x0A, 0x0B
FIRST_MUTE = 160
"""From here each way has a unit of its own: one that often fails is held back on a shared link."""
HOSTILE = (
    "garbage",
    "bad-protocol",
    "length-0",
    "length-short",
    "length-huge",
    "wrong-tid",
    "wrong-unit",
    "wrong-function",
    "undefined-exception",
    "oversize",
    "trailing",
    "truncated",
    "lying-count",
    "half-silent",
    "half-reset",
    "endless",
)


@case("D1", "device refuses connections, then is back", "0x0A ≤ 3 s; served ≤ 1 s after it is back", peers=True)
def down(stage):
    stage.sick.order("off")
    with stage.caller(stage.guard.sick) as caller:
        told = []
        for _ in range(5):
            answer = caller.ask(read_pdu(0, 1), 40)
            told.append(answer.seconds)
            require(answer.exception == NO_PATH, f"told {answer.exception:#x}")
            time.sleep(0.1)
        require(max(told) <= 3, f"told after {max(told):.1f} s")
        stage.sick.order("on")
        back = until(lambda: not caller.ask(read_pdu(0, 1), 40).exception, 5, every=0.02)
        require(back is not None and back <= 1 + stage.slack_s(), f"served again after {back} s")
        stage.honest(caller)
    return f"0x0A after at most {1000 * max(told):.0f} ms; served {1000 * back:.0f} ms after it is back"


@case("D1", "device cannot be reached: no answer to the call", "0x0A ≤ 3 s")
def unreachable(stage):
    with socket.socket() as hole:
        hole.bind((LOOPBACK, 0))
        hole.listen(0)
        plugs = [socket.socket() for _ in range(4)]
        for plug in plugs:  # they fill the backlog: further calls are not even refused
            plug.setblocking(False)  # noqa: FBT003 - the name of the thing
            with contextlib.suppress(BlockingIOError):
                plug.connect(hole.getsockname())
        port = free_port()
        text = stage.guard.config.read_text()
        stage.guard.config.write_text(_with_conduit(text, port, hole.getsockname()[1]))
        try:
            stage.reload()
            with stage.caller(port) as caller:
                answer = caller.ask(read_pdu(0, 1), 40)
        finally:
            stage.guard.config.write_text(text)
            stage.reload()
            for plug in plugs:
                plug.close()
    require(answer.exception == NO_PATH, f"told {answer.exception:#x}")
    require(answer.seconds <= CONNECT_TIMEOUT_S + 0.3 + stage.slack_s(), f"told after {answer.seconds:.2f} s")
    return f"0x0A after {answer.seconds:.2f} s (configured: {CONNECT_TIMEOUT_S:g})"


def _with_conduit(text, listen, device):
    return text + (
        f'[conduit.hole]\nlisten = "{LOOPBACK}:{listen}"\ndevice = "{LOOPBACK}:{device}"\nmode = "enforce"\n'
        f'policy = "policy.toml"\nconnect_timeout_ms = {round(1000 * CONNECT_TIMEOUT_S)}\n'
    )


@case(
    "D2", "device restarts under a connected client", "connection kept or closed; right answers ≤ 1 s later", peers=True
)
def restarts(stage):
    with contextlib.ExitStack() as stack:
        caller = stack.enter_context(stage.caller(stage.guard.sick))
        times = []
        for _ in range(3):
            stage.honest(caller)
            stage.sick.order("off")
            time.sleep(0.15)
            stage.sick.order("on")
            started = time.monotonic()
            while True:
                try:
                    answer = caller.ask(read_pdu(0, 4), 20)
                except Lost:
                    caller = stack.enter_context(stage.caller(stage.guard.sick))
                    continue
                if not answer.exception:
                    break
                require(time.monotonic() - started < 5, "never again")
                time.sleep(0.02)
            require(answer.pdu == answer_to_read(20, 0, 4), f"got {answer.raw.hex()}")
            times.append(time.monotonic() - started)
    require(max(times) <= 1 + stage.slack_s(), f"right answers after {max(times):.2f} s")
    return f"right answers after at most {1000 * max(times):.0f} ms"


@case("D3", "device accepts and never answers", "0x0B at the timeout + ≤ 10 ms; same connection usable", peers=True)
def silent(stage):
    stage.device.plan(u41={"do": "silent"})
    late = []
    with stage.caller() as caller:
        for _ in range(4):
            answer = caller.ask(read_pdu(0, 1), 41)
            require(answer.exception == NO_ANSWER, f"told {answer.exception:#x}")
            late.append(answer.seconds - DEVICE_TIMEOUT_S)
            stage.honest(caller)
    slack = stage.slack_s()
    require(-0.001 <= min(late), f"told {-1000 * min(late):.0f} ms before the timeout")
    require(min(late) <= PRECISION_S, f"told {1000 * min(late):.0f} ms after the timeout at best")
    require(
        max(late) <= PRECISION_S + slack, f"told {1000 * max(late):.0f} ms after the timeout (machine {slack:.3f} s)"
    )
    return f"0x0B {1000 * min(late):.1f} to {1000 * max(late):.1f} ms after the timeout"


@case("D4", "device answers late", "never matched to another request, never sent to another client", peers=True)
def late(stage):
    return _late(stage, stage.guard.main, stage.device)


@case(
    "D4",
    "device answers late on a link that clients share",
    "never matched to another request, never sent to another client",
)
def late_on_a_shared_link(stage):
    return _late(stage, stage.guard.pooled, stage.sick)


def _late(stage, port, device):
    device.plan(u42={"delay": DEVICE_TIMEOUT_S + 0.15})
    with stage.caller(port) as caller, stage.caller(port) as other:
        for first in range(3):
            caller.send(adu(600, read_pdu(first, 2), 42))
            answer = caller.receive()
            require(answer.exception == NO_ANSWER, f"told {answer.pdu.hex()}")
            for _ in range(8):  # the late answer arrives meanwhile; same identifier, other addresses
                caller.send(adu(600, read_pdu(900, 2), 20))
                require(caller.receive().pdu == answer_to_read(20, 900, 2), "a late answer was taken for another")
                stage.honest(other)
                time.sleep(0.03)
        require(caller.quiet(0.2) == b"", "something more came")
    return "3 of 3 told 0x0B, late answers went nowhere"


@case("D5", "device answers slowly (300 ms)", "correct; nobody else delayed", peers=True)
def slow(stage):
    stage.device.plan(u43={"delay": 0.3})
    with stage.caller() as caller:
        for first in range(4):
            stage.honest(caller, 43, first)
    return "4 of 4 right"


@case("D6", "device applies a write, the answer is lost", "sent once; told 0x0B; recorded as unknown", peers=True)
def lost_answer(stage):
    return _lost_answer(stage, stage.guard.main, stage.device)


@case("D6", "device applies a write, the answer is lost, on a shared link", "sent once; told 0x0B; recorded as unknown")
def lost_answer_on_a_shared_link(stage):
    return _lost_answer(stage, stage.guard.pooled, stage.sick)


def _lost_answer(stage, port, device):
    times, sent, before = [], [], _now(stage)
    with contextlib.ExitStack() as stack:
        caller = stack.enter_context(stage.caller(port))
        for unit, way in enumerate(("silent", "reset", "close", "half-reset", "half-silent", "garbage"), FIRST_MUTE):
            device.plan(**{f"u{unit}": {"do": way, "writes_only": True}})
            address, value = stage.fresh()
            sent.append(f"{unit}/{address}/{value}")
            answer = caller.ask(write_pdu(address, value), unit)
            require(answer.exception == NO_ANSWER, f"{way}: told {answer.pdu.hex()}")
            times.append(answer.seconds)
            stage.honest(caller)
    arrived = device.values()
    require(all(arrived.get(key) == 1 for key in sent), f"{[arrived.get(key, 0) for key in sent]} times at the device")
    require(max(times) <= DEVICE_TIMEOUT_S + 0.05 + stage.slack_s(), f"told after {max(times):.2f} s")
    if stage.guard.ours:
        mute = range(FIRST_MUTE, FIRST_MUTE + len(sent))
        mine = [one for one in stage.guard.records() if one.at >= before and one.unit in mute]
        unknown = sum(one.repeated for one in mine if one.outcome == "unknown")
        require(unknown >= len(sent), f"{unknown} of {len(sent)} on record as unknown")
    return f"{len(sent)} ways: each once at the device, 0x0B within {1000 * max(times):.0f} ms, on record"


@case(
    "D7",
    "hostile answers of 16 kinds",
    "not delivered; told 0x0B within the timeout; on record; resynchronised",
    peers=True,
)
def hostile_answers(stage):
    return _hostile_answers(stage, stage.guard.main, stage.device)


@case(
    "D7",
    "hostile answers of 16 kinds on a shared link",
    "not delivered; told 0x0B within the timeout; on record; resynchronised",
)
def hostile_answers_on_a_shared_link(stage):
    return _hostile_answers(stage, stage.guard.pooled, stage.sick)


def _hostile_answers(stage, port, device):
    delivered, late, before = [], [], _now(stage)
    for unit, way in enumerate(HOSTILE, FIRST_MUTE):
        device.plan(**{f"u{unit}": {"do": way}})
        with contextlib.ExitStack() as stack:
            caller = stack.enter_context(stage.caller(port))
            try:
                caller.send(adu(700, read_pdu(3, 4), unit))
                answer = caller.receive(2.0)
            except Lost:
                delivered.append(f"{way} (not told)")
                continue
            if answer.tid != 700 or answer.exception != NO_ANSWER:
                delivered.append(way)
                continue
            late.append(answer.seconds)
            stage.honest(caller)
            require(caller.quiet(0.01) == b"", f"{way}: more came")
    require(not delivered, f"delivered: {', '.join(delivered)}")
    require(max(late) <= DEVICE_TIMEOUT_S + PRECISION_S + stage.slack_s(), f"told after {max(late):.2f} s")
    if stage.guard.ours:
        found = {str(one.facts.get("code")) for one in stage.guard.records(kind="device") if one.at >= before}
        require(len(found) >= 4, f"records speak of {sorted(found)} only")
    return f"{len(HOSTILE)} of {len(HOSTILE)} told 0x0B within {1000 * max(late):.0f} ms, next answer right"


FALSE_ACKNOWLEDGEMENTS = (
    "false-value",
    "false-address",
    "wrong-tid",
    "wrong-unit",
    "wrong-function",
    "trailing",
    "truncated",
    "bad-protocol",
    "length-short",
    "undefined-exception",
)


@case("D7", "false acknowledgements of writes, 10 kinds", "not delivered; told 0x0B; sent once; on record", peers=True)
def false_acknowledgements(stage):
    delivered, sent = [], []
    for way in FALSE_ACKNOWLEDGEMENTS:
        stage.device.plan(u49={"do": way, "writes_only": True})
        with stage.caller() as caller:
            address, value = stage.fresh()
            sent.append(f"49/{address}/{value}")
            try:
                caller.send(adu(710, write_pdu(address, value), 49))
                answer = caller.receive(2.0)
            except Lost:
                delivered.append(f"{way} (not told)")
                continue
            if answer.tid != 710 or answer.exception != NO_ANSWER:
                delivered.append(way)
                continue
            stage.honest(caller)
    require(not delivered, f"delivered: {', '.join(delivered)}")
    arrived = stage.device.values()
    require(all(arrived.get(key) == 1 for key in sent), f"{[arrived.get(key, 0) for key in sent]} times at the device")
    if stage.guard.ours:
        unknown = sum(one.repeated for one in stage.guard.records() if one.outcome == "unknown" and one.unit == 49)
        require(unknown >= len(sent), f"{unknown} of {len(sent)} on record as unknown")
    return f"{len(sent)} of {len(sent)} told 0x0B, each write once at the device"


def _now(stage):
    return stage.guard.status().now if stage.guard.ours else 0


@case("D7", "duplicate and unsolicited answers", "not delivered; the right answer is", peers=True)
def surplus_answers(stage):
    with stage.caller() as caller:
        for way in ("duplicate", "unsolicited"):
            stage.device.plan(u46={"do": way})
            for first in range(3):
                tid = next_tid()
                caller.send(adu(tid, read_pdu(first, 2), 46))
                answer = caller.receive()
                right = answer.tid == tid and answer.pdu in {answer_to_read(46, first, 2), b"\x83\x0b"}
                require(right, f"{way}: got {answer.raw.hex()}")
                more = caller.quiet(0.05)
                require(more == b"", f"{way}: more came: {(more or b'')[:20].hex()}")
            stage.honest(caller)
    return "6 of 6 without surplus"


@case("D8", "device says busy (0x06) or acknowledge (0x05) for long", "passed on; no retry of ours", peers=True)
def busy(stage):
    with stage.caller() as caller:
        for way, code in (("busy", 6), ("acknowledge", 5)):
            stage.device.plan(u47={"do": way})
            for _ in range(20):
                require(stage.write(caller, 47).exception == code, f"{way} was not passed on")
    writes = sum(raw[6] == 47 for raw in stage.device.log())
    require(writes == 40, f"{writes} requests at the device for 40 of the client")
    return "40 of 40 passed on, 40 at the device"
