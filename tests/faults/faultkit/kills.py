"""The gateway killed again and again under 64 writing clients: what arrived, and how long it took."""

import asyncio
import contextlib
import signal
import time

from faultkit.processes import cpu_s, waited_ms
from faultkit.wire import LOOPBACK, adu, answer_to_read, read_pdu, write_pdu

CLIENTS = 64
FIRST_UNIT = 60
ADDRESSES = 40_000
PAUSE_S = 0.01
AWAY_S = 0.1
"""Between two tries to connect: 64 clients must not take the processor that the gateway starts on."""
SERVED_S = (0.05, 0.12)
"""Between the first answer and the next kill, alternating."""
ANSWER_S = 3.0


class Tally:
    """What the clients saw."""

    def __init__(self):
        self.acknowledged = []
        self.tried = 0
        self.crossed = []
        self.unknown = 0
        """Writes without an answer: the gateway died meanwhile."""
        self.turned_away = 0
        """Connects that were refused: the gateway was not back yet."""
        self.refused = 0
        self.back_ms = []
        self.net_ms = []
        """The same without the time in which the new gateway was ready to run and had no processor."""
        self.cpu_ms = []
        """Processor time that the new gateway had used when it gave its first answer."""


async def writer(port, index, tally, stop):
    """Write ever new values until told to stop; a value is sent once, whatever comes of it."""
    unit, number, stream = FIRST_UNIT + index, 0, None
    while not stop.is_set():
        try:
            if stream is None:
                stream = await _connected(port, tally)
                continue
            tally.tried += 1
            address, value = number % ADDRESSES, number // ADDRESSES + 7 * index
            number += 1
            await _write(stream, unit, number & 0xFFFF, (address, value), tally)
        except (OSError, asyncio.IncompleteReadError, TimeoutError):
            tally.unknown += 1
            stream[1].transport.abort()
            stream = None
        await asyncio.sleep(PAUSE_S)
    if stream is not None:
        stream[1].transport.abort()


async def _connected(port, tally):
    """Return a new connection, None after a pause where there is none to be had."""
    try:
        return await asyncio.open_connection(LOOPBACK, port, local_addr=("127.0.0.6", 0))
    except OSError:
        tally.turned_away += 1
        await asyncio.sleep(AWAY_S)
        return None


async def _write(stream, unit, tid, what, tally):
    reader, writer_ = stream
    pdu = write_pdu(*what)
    writer_.write(adu(tid, pdu, unit))
    async with asyncio.timeout(ANSWER_S):
        head = await reader.readexactly(7)
        answer = await reader.readexactly(int.from_bytes(head[4:6]) - 1)
    if head[:2] != tid.to_bytes(2) or head[6] != unit or answer[0] & 0x7F != 6:
        tally.crossed.append((head + answer).hex())
    elif answer[0] & 0x80:
        tally.refused += 1
    elif answer == pdu:
        tally.acknowledged.append(f"{unit}/{what[0]}/{what[1]}")
    else:
        tally.crossed.append((head + answer).hex())


async def first_answer(port, seconds=20.0):
    """Return how long it takes until a fresh client gets a right answer. Raises TimeoutError."""
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer_ = await asyncio.open_connection(LOOPBACK, port)
                writer_.write(adu(1, read_pdu(0, 2), 50))
                answer = await reader.readexactly(13)
                writer_.transport.abort()
                if answer[7:] == answer_to_read(50, 0, 2):
                    return time.monotonic() - started
            await asyncio.sleep(0.002)


async def campaign(stage, kills):
    """Kill the gateway `kills` times; return the tally."""
    tally, stop = Tally(), asyncio.Event()
    guard = stage.guard
    writers = [asyncio.create_task(writer(guard.main, index, tally, stop)) for index in range(CLIENTS)]  # noqa: TID251
    try:
        for number in range(kills):
            await asyncio.sleep(SERVED_S[number % len(SERVED_S)])
            guard.process.send_signal(signal.SIGKILL)
            guard.process.wait()
            guard.spawn()
            tally.back_ms.append(1000 * await first_answer(guard.main))
            tally.net_ms.append(max(0.0, tally.back_ms[-1] - waited_ms(guard.process.pid)))
            tally.cpu_ms.append(1000 * cpu_s(guard.process.pid))
        await asyncio.sleep(0.1)
    finally:
        stop.set()
        await asyncio.gather(*writers)
    return tally
