"""`kill -9` of shadow and recorder under load: every request is answered in time, both come back, the gap is on record.

Four clients read and write without a pause; a fifth asks the device directly, so that what the machine itself delays is
known. Refused writes run along: they are what the recorder has to keep.
"""

import os
import signal
import struct
import threading
import time
from dataclasses import dataclass, field

import pytest

pytestmark = pytest.mark.timeout(150)  # starting three processes is slow on a machine that does other work
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "operate"
clients = ["hmi"]
units = [1]
functions = [3, 6, 16]
ranges = ["holding 0..999"]
"""
DEADLINE_S = 0.02
"""How long a write may wait for the shadow: the default of a conduit."""
MARGIN_S = 0.15
"""What four clients, a device and a starting Python may take of two cores, beside what the direct client loses."""
MORE = 'policy = "plc1.policy.toml"\n[conduit.plc1.isolation]\nauto = false'
BEFORE_S = AFTER_S = 1.0
KILLED = ("shadow", "recorder")
GAP_S = 1.0
"""What was refused so shortly before the recorder died may be missing: the record of the gap says 0.5 s."""


@dataclass
class Seen:
    """What one client saw."""

    reads: int = 0
    refused: list[float] = field(default_factory=list)
    writes: list[int] = field(default_factory=list)
    wrong: list[bytes] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    longest_s: float = 0.0


class Load:
    """Four clients that read and write, one of whose writes is forbidden now and then; a fifth asks the device."""

    def __init__(self, connect, port, direct):
        self._connect = connect
        self._stop = threading.Event()
        self.seen = [Seen() for _ in range(4)]
        self.direct = Seen()
        self.killed_at = {}
        self._threads = [
            *(threading.Thread(target=self._work, args=(port, number)) for number in range(4)),
            threading.Thread(target=self._beside, args=(direct,)),
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def _work(self, port, number):
        seen, turn = self.seen[number], 0
        with self._connect(port) as client:
            while not self._stop.wait(0.005):
                turn += 1
                address, value = 100 * number + turn % 100, turn & 0xFFFF
                write = struct.pack(">BHH", 6, address, value)
                seen.writes.append((address, value))
                self._timed(client, write, write, seen)
                self._timed(client, struct.pack(">BHH", 3, address, 1), struct.pack(">BBH", 3, 2, value), seen)
                seen.reads += 1
                if turn % 10 == 0:
                    self._timed(client, struct.pack(">BHHH", 22, address, 0, 0), b"\x96", seen)
                    seen.refused.append(time.monotonic())

    def _beside(self, port):
        with self._connect(port) as client:
            while not self._stop.wait(0.005):
                self._timed(client, struct.pack(">BHH", 3, 0, 1), b"\x03\x02", self.direct)

    def _timed(self, client, asked, expected, seen):
        began = time.monotonic()
        try:
            answer = client.ask(asked)
        except (AssertionError, OSError) as error:
            seen.lost.append(f"{asked.hex()}: {error}")
            self._stop.set()
            return
        seen.longest_s = max(seen.longest_s, time.monotonic() - began)
        if not answer.startswith(expected):
            seen.wrong.append(answer)


@pytest.fixture(scope="module")
def killed(make_site, plc, connect, wait_until):
    """Kill each part under load; return (the load, process ids before, process ids after, the site)."""
    site = make_site({"plc1": (plc.port, "enforce", MORE)}, {"plc1.policy.toml": POLICY})
    before, after = {"gateway": site.status()["pid"], **site.parts_up()}, {}
    with Load(connect, site.port, plc.port) as load:
        for role in KILLED:
            time.sleep(BEFORE_S)
            os.kill(before[role], signal.SIGKILL)
            load.killed_at[role] = time.monotonic()
            after |= wait_until(lambda role=role: other_pid(site, role, before[role]))
        time.sleep(AFTER_S)
    after["gateway"] = site.status()["pid"]
    return load, before, after, site


def other_pid(site, role, pid):
    parts = site.parts_up()
    return {role: parts[role]} if parts and parts[role] != pid else None


def test_no_request_is_lost_and_every_answer_is_right(killed):
    load = killed[0]
    assert [] == [lost for seen in load.seen for lost in seen.lost]
    assert [] == [wrong for seen in load.seen for wrong in seen.wrong]
    assert all(seen.reads > 20 for seen in load.seen)


def test_every_write_came_to_the_device_once_and_in_order(killed, plc):
    load = killed[0]
    arrived = [struct.unpack(">HH", raw[8:]) for raw in plc.arrived() if raw[7] == 6]
    for number, seen in enumerate(load.seen):
        assert seen.writes == [one for one in arrived if one[0] // 100 == number]


def test_no_forbidden_write_came_to_the_device_meanwhile(killed, plc):
    assert {3, 6} == {raw[7] for raw in plc.arrived()}


def test_none_is_answered_later_than_the_deadline_and_a_margin(killed):
    load = killed[0]
    machine_s = load.direct.longest_s
    longest = max(seen.longest_s for seen in load.seen)
    assert longest <= DEADLINE_S + MARGIN_S + 3 * machine_s, f"{longest:.3f} s; the device directly: {machine_s:.3f} s"


def test_both_come_back_by_themselves_and_the_gateway_was_never_away(killed):
    _, before, after, site = killed
    assert {role: after[role] for role in KILLED} == site.parts_up()
    assert {"gateway"} == {role for role in before if before[role] == after[role]}


def test_writes_that_went_without_an_opinion_are_on_record(killed, wait_until):
    site = killed[3]
    found = wait_until(lambda: [one for one in site.records() if one["kind"] == "failover"], 10)
    assert {("plc1", "policy_alone", "shadow-silent")} == {
        (one["conduit"], one["failure_policy"], one["reasons"][0]["code"]) for one in found
    }


def test_the_gap_of_the_recorder_is_on_record(killed, wait_until):
    site = killed[3]
    gaps = wait_until(lambda: [one for one in site.records() if one["kind"] == "gap"], 10)
    assert {"at_most_s": 0.5, "where": "memory"} in [one["facts"] for one in gaps]


def test_each_record_is_on_disk_once_and_in_order(killed):
    numbers = [one["seq"] for one in killed[3].records()]
    assert sorted(set(numbers)) == numbers


def test_the_refusals_of_the_whole_time_are_on_record_but_for_what_the_gap_says(killed, wait_until):
    load, _, _, site = killed
    refused = sorted(at for seen in load.seen for at in seen.refused)
    in_the_gap = sum(load.killed_at["recorder"] - GAP_S <= at <= load.killed_at["recorder"] for at in refused)
    assert len(refused) > in_the_gap
    assert wait_until(lambda: counted(site) >= len(refused) - in_the_gap, 15)
    assert counted(site) <= len(refused)


def counted(site):
    """Return how many refusals the records on disk speak of; equal ones are folded into one with a count."""
    return sum(one["repeated"] for one in site.records() if one.get("decision") == "refuse")
