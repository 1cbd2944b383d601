"""Real sockets on loopback: what clients and devices see of the gateway."""

import asyncio
import gc
import socket
import time

import pytest

from icsguard.core.decision import Decision, FailurePolicy, Mode
from icsguard.core.isolation import Isolation, Scope
from icsguard.runtime.modbus_shell import ClientEnd, DeviceEnd

OK = b"\x03\x02\x00\x00"

pytestmark = pytest.mark.usefixtures("sockets")


async def test_a_read_passes_and_its_repetition_takes_the_hot_path(open_site):
    scene = await open_site()
    caller = await scene.caller()
    assert [OK] * 50 == [await caller.read() for _ in range(50)]
    assert 50 == len(scene.device.seen)
    assert (49, 1) == (scene.guard.counters.hot, scene.guard.counters.cold)


async def test_the_compiled_core_has_both_sockets_once_they_are_in_use(open_site, sockets):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    (end,) = scene.listener.ends.values()
    assert [sockets == "wire"] * 2 == [one.wired is not None and one.wired.is_attached for one in (end, end.device)]


async def test_original_bytes_reach_the_device(open_site, frame):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read(3, 4)
    assert [frame(1, b"\x03\x00\x03\x00\x04")] == scene.device.seen


async def test_a_refusal_keeps_the_connection_and_never_reaches_the_device(open_site):
    scene = await open_site()
    caller = await scene.caller()
    assert b"\x86\x03" == await caller.write(5, 101)
    assert b"\x90\x01" == await caller.ask(bytes((16, 0, 0, 0, 1, 2, 0, 0)))
    assert OK == await caller.read()
    assert [] == scene.device.writes


async def test_one_byte_at_a_time_is_answered_like_a_whole_adu(open_site, frame, next_adu):
    scene = await open_site()
    caller = await scene.caller()
    for byte in frame(7, b"\x03\x00\x00\x00\x01"):
        caller.writer.write(bytes((byte,)))
        await asyncio.sleep(0.001)
    assert frame(7, OK) == await next_adu(caller.reader)


async def test_twenty_requests_in_one_segment_have_twenty_answers(open_site, frame, next_adu):
    scene = await open_site()
    caller = await scene.caller()
    caller.writer.write(b"".join(frame(tid, b"\x03\x00\x00\x00\x01") for tid in range(20)))
    assert [frame(tid, OK) for tid in range(20)] == [await next_adu(caller.reader) for _ in range(20)]


async def test_a_half_closed_client_is_still_answered(open_site, frame, next_adu):
    scene = await open_site()
    caller = await scene.caller()
    caller.writer.write(frame(1, b"\x03\x00\x00\x00\x01"))
    caller.writer.write_eof()
    assert frame(1, OK) == await next_adu(caller.reader)
    assert b"" == await asyncio.wait_for(caller.reader.read(), 2)


async def test_a_silent_device_is_told_in_time_and_the_connection_is_usable_afterwards(open_site):
    scene = await open_site(device_timeout_ms=200)
    caller = await scene.caller()
    scene.device.silent = True
    begin = time.monotonic()
    assert b"\x83\x0b" == await caller.read()
    assert 0.2 <= time.monotonic() - begin < 0.26
    scene.device.silent = False
    assert OK == await caller.read()
    assert 2 == scene.device.connections


async def test_a_late_answer_is_never_given_to_a_later_request(open_site):
    scene = await open_site(device_timeout_ms=100)
    caller = await scene.caller()
    scene.device.delay = 0.15
    assert b"\x83\x0b" == await caller.read(0, 1)
    scene.device.delay = 0
    caller.tid = 0  # the same identifier, function and shape: only the old link could confuse them
    assert OK == await caller.read(1, 1)
    await asyncio.sleep(0.1)
    assert OK == await caller.read(0, 1)


async def test_an_unreachable_device_is_told_and_served_again_soon_after_it_is_back(open_site, new_device):
    device = await new_device().start()
    port = device.port
    await device.stop()
    scene = await open_site(device=device)
    caller = await scene.caller()
    begin = time.monotonic()
    assert b"\x83\x0a" == await caller.read()
    assert time.monotonic() - begin < 3
    scene.device = await new_device().start(port)
    back = time.monotonic()
    while await caller.read() != OK:
        await asyncio.sleep(0.02)
        assert time.monotonic() - back < 1


async def test_a_write_whose_answer_is_lost_is_sent_once_and_its_outcome_is_unknown(open_site):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    scene.device.close_on_write = True
    assert b"\x86\x0b" == await caller.write(5, 50)
    assert OK == await caller.read()
    assert 1 == len(scene.device.writes)
    assert ["unknown"] == [r.outcome for r in scene.site.run.recent if r.outcome == "unknown"]


async def test_a_device_that_restarts_is_met_again(open_site, new_device):
    scene = await open_site()
    caller = await scene.caller()
    assert OK == await caller.read()
    port = scene.device.port
    await scene.device.stop()
    scene.device = await new_device().start(port)
    assert OK == await caller.read()


async def test_no_device_connection_is_made_before_it_is_needed(open_site):
    scene = await open_site()
    await scene.caller()
    await asyncio.sleep(0.05)
    assert 0 == scene.device.connections


async def test_both_sides_send_without_delay(open_site):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    (end,) = scene.listener.ends.values()
    for transport in (end.transport, end.device.transport):
        sock = transport.get_extra_info("socket")
        assert 1 == sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert 30_000 == sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)


async def test_a_client_that_never_reads_does_not_grow_the_gateway(open_site, frame):
    scene = await open_site()
    greedy, modest = await scene.caller(), await scene.caller()
    await modest.read()
    greedy.reader._transport.pause_reading()
    burst = b"".join(frame(tid % 65536, b"\x03\x00\x00\x00\x50") for tid in range(20_000))
    greedy.writer.write(burst)
    for _ in range(20):
        await asyncio.sleep(0.01)
        assert OK == await modest.read()
    end = scene.listener.ends[1]
    assert end.session.in_flight <= 80
    assert end.transport.get_write_buffer_size() < 256 * 1024


async def test_what_is_not_modbus_never_reaches_the_device(open_site, frame):
    scene = await open_site(mode=Mode.OBSERVE)
    for noise in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01" * 20,
        frame(1, b"\x03\x00\x00\x00\x01", protocol=7) * 3,
    ):
        caller = await scene.caller()
        caller.writer.write(noise)
        assert b"" == await asyncio.wait_for(caller.reader.read(), 2)
    assert [] == scene.device.seen


@pytest.mark.parametrize(
    ("decision", "answer"), [(Decision.ALLOW, b"\x06\x00\x05\x00\x32"), (Decision.REFUSE, b"\x86\x03")]
)
async def test_a_write_waits_for_the_shadows_opinion(open_site, decision, answer):
    scene = await open_site()
    shadow = await scene.shadow(decision)
    caller = await scene.caller()
    assert answer == await caller.write(5, 50)
    assert 1 == len(shadow.asked)
    assert (decision is Decision.ALLOW) == bool(scene.device.writes)


@pytest.mark.parametrize(
    ("failure", "answer"),
    [(FailurePolicy.POLICY_ALONE, b"\x06\x00\x05\x00\x32"), (FailurePolicy.REFUSE, b"\x86\x06")],
)
async def test_a_hanging_shadow_holds_a_write_no_longer_than_the_deadline(open_site, failure, answer):
    scene = await open_site(failure=failure)
    await scene.shadow(decision=None)
    caller = await scene.caller()
    begin = time.monotonic()
    assert answer == await caller.write(5, 50)
    assert 0.02 <= time.monotonic() - begin < 0.06
    assert [failure.value] == [r.failure_policy for r in scene.records("failover")]


async def test_reads_go_on_while_a_write_waits(open_site, frame, next_adu):
    scene = await open_site(judge_deadline_ms=300)
    await scene.shadow(decision=None)
    caller = await scene.caller()
    await caller.read()
    begin = time.monotonic()
    caller.writer.write(frame(90, b"\x06\x00\x05\x00\x32") + frame(91, b"\x03\x00\x00\x00\x01"))
    assert frame(91, OK) == await next_adu(caller.reader)
    assert time.monotonic() - begin < 0.2
    assert frame(90, b"\x06\x00\x05\x00\x32") == await next_adu(caller.reader)


async def test_a_shadow_that_dies_under_load_loses_no_request_and_delays_none(open_site):
    scene = await open_site()
    shadow = await scene.shadow()
    caller = await scene.caller()
    slowest, answers = 0.0, []
    for turn in range(120):
        if turn == 40:
            next(iter(scene.site.shadow._server.peers))._transport.abort()  # as the kernel does after kill -9
            await shadow.client.stop()
        begin = time.monotonic()
        answers.append(await (caller.write(5, turn % 100) if turn % 4 == 0 else caller.read()))
        slowest = max(slowest, time.monotonic() - begin)
    assert 30 == len(scene.device.writes)
    assert 0 == sum(answer[0] & 0x80 for answer in answers)
    assert slowest < 0.08  # the deadline is 20 ms; the rest is this machine
    assert 20 == sum(r.repeated for r in scene.records("failover")) + sum(
        fold.count for fold in scene.guard.folder._folds.values() if fold.first.kind == "failover"
    )


@pytest.fixture
def stalled(frame, wait_until):
    """Make a client that sends reads and takes no answer, until the gateway reads it no more."""

    async def make(scene, count):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", scene.listener.port))
        reader, writer = await asyncio.open_connection(sock=sock)
        await wait_until(lambda: scene.listener.ends)
        (end,) = scene.listener.ends.values()
        end.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        reader._transport.pause_reading()
        writer.write(b"".join(frame(tid, b"\x03\x00\x00\x00\x50") for tid in range(count)))
        await wait_until(lambda: end.stalled)
        return end, reader, writer

    return make


async def test_a_client_that_does_not_read_is_closed_all_the_same(open_site, stalled, wait_until, monkeypatch):
    monkeypatch.setattr("icsguard.runtime.modbus_shell.CLOSE_GRACE_S", 0.1)
    scene = await open_site(device_timeout_ms=100)
    _, _, writer = await stalled(scene, 30_000)
    now = scene.site.clock.now()
    scene.guard.quarantine.isolate(Isolation("127.0.0.1", "plc1", Scope.FULL, "greedy", "anna", now, 0), now)
    scene.listener.wake()
    await wait_until(lambda: not scene.listener.ends, 3)
    writer.transport.abort()


async def test_a_stalled_client_goes_on_when_it_reads_again(open_site, stalled, next_adu):
    scene = await open_site()
    end, reader, writer = await stalled(scene, 20_000)
    reader._transport.resume_reading()
    answers = [await next_adu(reader) for _ in range(20_000)]
    assert {0x03, 0x83} == {answer[7] for answer in answers}
    assert list(range(20_000)) == sorted(int.from_bytes(answer[:2]) for answer in answers)
    assert not end.stalled
    writer.close()


class Rude(asyncio.Protocol):
    """A device whose connections are all taken: it accepts and resets."""

    def connection_made(self, transport):
        transport.abort()


async def test_a_device_that_hangs_up_at_once_is_no_silent_device(open_site):
    scene = await open_site()
    port = scene.device.port
    await scene.device.stop()
    rude = await asyncio.get_running_loop().create_server(Rude, "127.0.0.1", port)
    caller = await scene.caller()
    begin = time.monotonic()
    for _ in range(10):
        assert (await caller.write(5, 50)) in {b"\x86\x0a", b"\x86\x0b"}
    assert time.monotonic() - begin < 0.5, "nobody waited for a timeout"
    rude.close()


async def test_a_link_that_died_before_it_was_used_counts_as_unreachable(open_site, monkeypatch):
    scene = await open_site()
    made = DeviceEnd.connection_made

    def dies(self, transport):
        made(self, transport)
        self.connection_lost(None)

    monkeypatch.setattr(DeviceEnd, "connection_made", dies)
    caller = await scene.caller()
    assert b"\x86\x0a" == await caller.write(5, 50)
    assert [] == scene.device.writes


async def test_one_client_with_thousands_of_requests_leaves_the_others_their_turn(open_site, frame, next_adu):
    scene = await open_site(max_in_flight=1)
    greedy, other = await scene.caller(), await scene.caller()
    assert OK == await other.read()
    stretch = b"".join(frame(tid, b"\x03\x00\x00\x00\x01") for tid in range(8000))
    greedy.writer.write(stretch)
    greedy.writer.write_eof()
    reading = asyncio.get_running_loop().create_task(_drained(greedy.reader))
    slowest = 0.0
    for _ in range(20):
        begin = time.monotonic()
        assert OK == await other.read()
        slowest = max(slowest, time.monotonic() - begin)
    assert 8000 == len(await asyncio.wait_for(reading, 10)), "each request has one answer, before the end too"
    assert slowest < 0.5


async def _drained(reader):
    """Return the identifiers of all answers until the end."""
    data, tids, at = await reader.read(-1), set(), 0
    while at < len(data):
        tids.add(data[at : at + 2])
        at += 6 + int.from_bytes(data[at + 4 : at + 6])
    return tids


async def test_a_client_that_has_gone_leaves_nothing_for_the_garbage_collector(open_site, wait_until):
    scene = await open_site()
    asked, silent = await scene.caller(), await scene.caller()
    assert OK == await asked.read()
    assert b"\x86\x03" == await asked.write(5, 101)
    gc.collect()
    gc.disable()
    try:
        for caller in (asked, silent):
            caller.writer.close()
        del caller, asked, silent
        await wait_until(lambda: not [one for one in gc.get_objects() if isinstance(one, ClientEnd | DeviceEnd)])
    finally:
        gc.enable()
