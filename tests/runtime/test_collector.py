"""The real collector of a Python of its own: how much it looks at in one go."""

import subprocess
import sys

SCRIPT = """
import asyncio, collections, gc, sys
from icsguard.runtime.collector import Collector, EVERY_S

largest = [0, 0, 0]

def note(phase, info):
    if phase == "start":
        sizes = [len(gc.get_objects(generation)) for generation in range(info["generation"] + 1)]
        largest[info["generation"]] = max(largest[info["generation"]], sum(sizes))

async def main(paced):
    collector = Collector()
    collector.start()
    gc.callbacks.append(note)
    if not paced:
        collector.stop()
    clients = collections.deque([[] for _ in range(20)] for _ in range(1000))
    for _ in range(40):
        for _ in range(50):
            clients.append([[] for _ in range(20)])
            clients.popleft()
        await asyncio.sleep(EVERY_S / 4)
    collector.stop()
    await asyncio.sleep(2 * EVERY_S)
    gc.collect(0)  # whenever it comes
    print(*largest)

asyncio.run(main(sys.argv[1] == "paced"))
"""


def looked_at(how, script=SCRIPT):
    done = subprocess.run([sys.executable, "-c", script, how], capture_output=True, check=True, text=True)
    return list(map(int, done.stdout.split()))


def test_clients_that_come_while_others_leave_make_no_lump():
    young, middle, everything = looked_at("paced")
    assert max(young, middle) < 8000
    assert 0 == everything


def test_left_to_python_they_would():
    assert 15_000 < max(looked_at("by itself"))


def test_a_thousand_clients_that_stay_make_no_lump_either():
    young, middle, everything = looked_at("by itself", SCRIPT.replace("clients.popleft()", "pass"))
    assert young < 600
    assert middle < 3000
    assert 0 == everything
