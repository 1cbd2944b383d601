"""Hours of traffic in short: every answer is compared, memory and descriptors are watched."""

import asyncio

from faultkit.processes import descriptors, rss_mb, until
from faultkit.registry import require
from faultkit.wire import LOOPBACK, adu, answer_to_read, read_pdu

CLIENTS = 4
DEPTH = 8
MAX_MB_PER_MILLION = 1.0
WARM = 3_000
CLOSED_S = 2.0
"""So long the gateway may take to close what its last clients have just left; on a busy machine they end first."""


async def _client(port, unit, count):
    reader, writer = await asyncio.open_connection(LOOPBACK, port, local_addr=("127.0.0.7", 0))
    wrong = 0
    for block in range(0, count, DEPTH):
        frames = [adu((block + index) & 0xFFFF, read_pdu(block % 700 + index, 4), unit) for index in range(DEPTH)]
        writer.write(b"".join(frames))
        for index in range(DEPTH):
            answer = await asyncio.wait_for(reader.readexactly(17), 5)
            right = frames[index][:4] + b"\0\x0b" + bytes((unit,)) + answer_to_read(unit, block % 700 + index, 4)
            wrong += answer != right
    writer.close()
    await writer.wait_closed()
    return wrong


async def _run(port, count):
    return sum(await asyncio.gather(*(_client(port, 20 + index, count // CLIENTS) for index in range(CLIENTS))))


def play(stage, count):
    """Run `count` transactions; say how memory and descriptors went."""
    stage.watches_latency = False
    pid = stage.guard.pid
    asyncio.run(_run(stage.guard.main, WARM))
    files, memory = descriptors(pid), rss_mb(pid)
    wrong = asyncio.run(_run(stage.guard.main, count))
    grown = rss_mb(pid) - memory
    allowed = max(4.0, MAX_MB_PER_MILLION * count / 1e6)
    require(not wrong, f"{wrong} wrong answers")
    require(grown <= allowed, f"the gateway grew by {grown:.1f} MB (allowed {allowed:.1f})")
    back = until(lambda: descriptors(pid) <= files + 2, CLOSED_S)
    require(back is not None, f"{descriptors(pid) - files} descriptors more")
    return f"{count} transactions, 0 wrong, {grown:+.2f} MB, descriptors flat"
