"""T: ordinary traffic that breaks naive relays."""

import asyncio
import socket
import struct
import time

from faultkit.registry import case, require
from faultkit.wire import LOOPBACK, adu, answer_to_read, next_tid, read_pdu, word, write_pdu

BYTEWISE_PAUSE_S = 0.001


@case("T1", "one byte per segment, both directions", "same answers as direct", peers=True)
def bytewise(stage):
    stage.device.plan(u20={"do": "bytewise"})
    with stage.caller() as caller:
        for first in range(5):
            tid = next_tid()
            for byte in adu(tid, read_pdu(first, 4), 20):
                caller.send(bytes((byte,)))
                time.sleep(BYTEWISE_PAUSE_S)
            answer = caller.receive()
            require(answer.tid == tid and answer.pdu == answer_to_read(20, first, 4), f"got {answer.raw.hex()}")
    return "5 of 5 right"


@case("T1", "frame split at every offset", "same answers as direct", peers=True)
def split_anywhere(stage):
    frames = [adu(next_tid(), read_pdu(7, 3), 21), adu(next_tid(), write_pdu(*stage.fresh()), 21)]
    with stage.caller() as caller:
        for offset in range(1, 24):
            pair = b"".join(frame[:1] + bytes((offset,)) + frame[2:] for frame in frames[:1])
            pair += adu(next_tid(), write_pdu(*stage.fresh()), 21)
            caller.send(pair[:offset])
            time.sleep(BYTEWISE_PAUSE_S)
            caller.send(pair[offset:])
            read, write = caller.receive(), caller.receive()
            require(read.pdu == answer_to_read(21, 7, 3), f"offset {offset}: {read.raw.hex()}")
            require(write.pdu == pair[-5:], f"offset {offset}: {write.raw.hex()}")
    return "23 of 23 right"


@case("T2", "20 requests in one segment", "20 right answers, in order", peers=True)
def coalesced(stage):
    with stage.caller() as caller:
        for _ in range(3):
            tids = [next_tid() for _ in range(20)]
            caller.send(b"".join(adu(tid, read_pdu(index, 2), 22) for index, tid in enumerate(tids)))
            for index, tid in enumerate(tids):
                answer = caller.receive()
                require(answer.tid == tid, f"answer {index} has transaction {answer.tid}, not {tid}")
                require(answer.pdu == answer_to_read(22, index, 2), f"answer {index}: {answer.raw.hex()}")
    return "60 of 60 in order"


@case("T3", "the same transaction id twice in flight; ids 0 and 65535", "each gets its own answer", peers=True)
def same_tid_twice(stage):
    stage.device.plan(u23={"delay": 0.03})
    with stage.caller() as caller:
        for tid in (0, 65535, 77):
            caller.send(adu(tid, read_pdu(10, 1), 23) + adu(tid, read_pdu(11, 1), 23))
            got = [caller.receive() for _ in range(2)]
            require([answer.tid for answer in got] == [tid, tid], "another transaction id came back")
            wanted = [answer_to_read(23, first, 1) for first in (10, 11)]
            require([answer.pdu for answer in got] == wanted, f"{[answer.pdu.hex() for answer in got]}")
    return "6 of 6 right"


@case("T3", "12 clients with equal transaction ids", "each gets its own answer", peers=True)
def equal_tids(stage):
    stage.device.plan(u24={"delay": 0.05})
    callers = [stage.caller() for _ in range(12)]
    for index, caller in enumerate(callers):
        caller.send(adu(5, read_pdu(100 + index, 1), 24))
    for index, caller in enumerate(callers):
        answer = caller.receive()
        require(answer.pdu == answer_to_read(24, 100 + index, 1), f"client {index} got {answer.raw.hex()}")
        caller.close()
    return "12 of 12 right"


@case("T4", "largest PDUs; unit ids 0, 1, 247, 248, 255", "unchanged", peers=True)
def largest(stage):
    address, value = stage.fresh()
    block = struct.pack(">BHHB", 16, address, 123, 246) + b"".join(
        ((value + index) & 0xFFFF).to_bytes(2) for index in range(123)
    )
    with stage.caller() as caller:
        for unit in (0, 1, 247, 248, 255):
            stage.honest(caller, unit, 3, 125)
            bits = caller.ask(read_pdu(0, 2000, 1), unit)
            require(len(bits.pdu) == 252 and bits.pdu[2] & 1 == word(unit, 1, 0) & 1, f"coils: {bits.raw[:16].hex()}")
        sent = adu(next_tid(), block, 25)
        caller.send(sent)
        require(caller.receive().pdu == block[:5], "the largest write was not acknowledged")
    require(sent in stage.device.log(), "the largest write came changed to the device")
    return "16 of 16 unchanged"


@case("T5", "client half-closes (FIN) after its request", "still answered", peers=True)
def half_closed(stage):
    stage.device.plan(u26={"delay": 0.1})
    with stage.caller() as caller:
        caller.send(adu(9, read_pdu(5, 2), 26))
        caller.socket.shutdown(socket.SHUT_WR)
        answer = caller.receive()
        require(answer.pdu == answer_to_read(26, 5, 2), f"got {answer.raw.hex()}")
        require(caller.closed_within(2.0), "the connection stays open for ever")
    return "answered, then closed"


@case("T6", "40 clients, 100 transactions each, with equal ids", "0 crossed answers", peers=True)
def crowd(stage):
    wrong = asyncio.run(_crowd(stage.guard.main, 40, 100))
    require(not wrong, f"{len(wrong)} crossed: {wrong[:2]}")
    return "4000 right (one device link per client)" if stage.guard.ours else "4000 right"


@case("T6", "the same through one device link", "0 crossed answers; the device sees one connection")
def crowd_on_one_link(stage):
    stage.sick.order("drop")
    stage.sick.order("most", most=1)
    stage.sick.order("forget")
    wrong = asyncio.run(_crowd(stage.guard.pooled, 40, 100))
    require(not wrong, f"{len(wrong)} crossed: {wrong[:2]}")
    calls = stage.sick.facts()["calls"]
    require(calls <= 1, f"{calls} calls to a device that takes one")
    return f"4000 right, {calls} connection"


async def _crowd(port, clients, requests):
    found = await asyncio.gather(*(_member(port, index, requests) for index in range(clients)))
    return [one for wrong in found for one in wrong]


async def _member(port, index, requests):
    reader, writer = await asyncio.open_connection(LOOPBACK, port, local_addr=("127.0.0.4", 0))
    wrong = []
    for number in range(requests):
        first = 97 * index + number
        writer.write(adu(number, read_pdu(first, 2), 27))
        head = await asyncio.wait_for(reader.readexactly(7), 5)
        pdu = await asyncio.wait_for(reader.readexactly(int.from_bytes(head[4:6]) - 1), 5)
        if head[:2] != number.to_bytes(2) or pdu != answer_to_read(27, first, 2):
            wrong.append((index, number, (head + pdu).hex()))
    writer.close()
    await writer.wait_closed()
    return wrong


@case("T7", "device that accepts a single connection", "works: no probe, pre-connect or health check", peers=True)
def single_connection(stage):
    stage.sick.order("drop")
    stage.sick.order("most", most=1)
    stage.sick.order("forget")
    with stage.caller(stage.guard.sick) as caller:
        time.sleep(0.2)
        before = stage.sick.facts()["calls"]
        for _ in range(5):
            stage.honest(caller)
        calls = stage.sick.facts()["calls"]
    require(calls <= 1, f"{calls} calls to the device for one client")
    return f"5 of 5 right, {before} calls before the first request, {calls} in all"
