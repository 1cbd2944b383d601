"""A client that polls while faults run, in a process of its own, and beside it the same poll without a gateway.

`python -m faultkit.bystander GUARDED DIRECT`: both ports are polled 20 times a second by unit 1, every register of
every answer is compared. Each line on standard input ends a period: one JSON line says how it was. What the direct
poll suffers in the same period is the machine's doing, not the gateway's.
"""

import json
import os
import sys
import threading
import time

from faultkit.wire import LOOPBACK, Caller, Lost, answer_to_read, read_pdu

HZ = 20
COUNT = 32
BLOCKS = (0, 100, 2000, 40000)
WAIT_S = 3.0
CRAWL_S = 0.1
"""A poll that is told to wait or is cut off tries again after so long."""


class Poller(threading.Thread):
    """One poll loop."""

    def __init__(self, port, source):
        super().__init__(daemon=True)
        self.port, self.source = port, source
        self.lock = threading.Lock()
        self.caller = None
        self.reset()

    def reset(self):
        self.times, self.wrong, self.lost, self.told = [], [], [], []
        self.longest_gap, self.last_right = 0.0, time.monotonic()

    def run(self):
        planned = time.monotonic()
        number = 0
        while True:
            planned = max(planned + 1 / HZ, time.monotonic() - 1)
            time.sleep(max(0.0, planned - time.monotonic()))
            self.poll(BLOCKS[number % len(BLOCKS)], planned)
            number += 1

    def poll(self, first, planned):
        """Ask once; the time counts from when it was due."""
        try:
            if self.caller is None:
                self.caller = Caller(self.port, self.source, WAIT_S)
            answer = self.caller.ask(read_pdu(first, COUNT), 1, wait_s=WAIT_S)
        except (Lost, OSError) as error:
            with self.lock:
                self.lost.append(str(error))
            if self.caller is not None:
                self.caller.close()
                self.caller = None
            time.sleep(CRAWL_S)
            return
        now = time.monotonic()
        with self.lock:
            self.longest_gap = max(self.longest_gap, now - self.last_right)
            self.last_right = now
            if answer.exception:
                self.told.append(answer.exception)
            elif answer.pdu != answer_to_read(1, first, COUNT):
                self.wrong.append(answer.raw.hex())
            else:
                self.times.append(now - planned)

    def period(self):
        """Return how it was since the last call, and begin anew."""
        with self.lock:
            times = sorted(self.times)
            found = {
                "polls": len(times),
                "p50": round(1000 * at(times, 0.5), 3),
                "p99": round(1000 * at(times, 0.99), 3),
                "max": round(1000 * (times[-1] if times else 0.0), 3),
                "wrong": self.wrong[:3],
                "lost": self.lost[:3],
                "told": sorted(set(self.told)),
                "gap": round(1000 * max(self.longest_gap, time.monotonic() - self.last_right), 1),
            }
            self.reset()
        return found


def at(times, share):
    """Return the time that `share` of all stay at or below."""
    return times[min(len(times) - 1, int(share * (len(times) - 1)))] if times else 0.0


def main(guarded, direct):
    """Poll until standard input ends."""
    pollers = [Poller(guarded, LOOPBACK), Poller(direct, "127.0.0.2")]
    for poller in pollers:
        poller.start()
    for _ in sys.stdin:
        sys.stdout.write(json.dumps([poller.period() for poller in pollers]) + "\n")
        sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
