"""Where a case plays: a guard between two devices, a bystander on the main conduit, and what must hold everywhere.

After each case the stage checks: nothing malformed reached a device; no write came twice; every write that a client saw
acknowledged is in the device; the bystander on the same conduit got right answers only, no connection of its was lost,
and its p99 stayed within twice its quiet one (less what the machine itself did to the poll without a gateway).
"""

import contextlib
import itertools
import shutil
import tempfile
import time
from pathlib import Path

from faultkit.processes import BystanderHandle, DeviceHandle, until, waited_ms
from faultkit.registry import Late, require
from faultkit.wire import Caller, adu, answer_to_read, next_tid, read_pdu, write_pdu
from icsguard.control.replies import Done

QUIET_S = 1.0
FULL_QUIET_S = 5.0
FLOOR_MS = 5.0
"""Below this a difference of p99 is the scheduler's, on a machine with two cores."""
SHORT_FLOOR_MS = 30.0
"""In the short form, where a p99 is the worst of a few polls and tests share the machine with others."""
CALM_S = 0.4
"""A case lasts at least so long: eight polls. In the full form longer, so that a p99 is one."""
FULL_CALM_S = 5.0
CALM_AGAIN_S = 5.0
CALM_MS = 100.0


class Stage:
    """Two devices, a guard, a bystander. `full` says whether the long forms run, `kills` how often processes die."""

    def __init__(self, make_guard, *, full=False, kills=20, watch=True):
        self.folder = Path(tempfile.mkdtemp(prefix="icsguard-faults-"))
        self.full, self.kills = full, kills
        self.acknowledged = []
        self.watches_latency = True
        self.spares_bystander = False
        self._values = itertools.count(1)
        self._stack = contextlib.ExitStack()
        self._watch = watch
        try:
            self._open(make_guard)
        except BaseException:
            self.close()
            raise

    def _open(self, make_guard):
        self.device = DeviceHandle(self.folder, "main")
        self._stack.callback(self.device.stop)
        self.sick = DeviceHandle(self.folder, "sick")
        self._stack.callback(self.sick.stop)
        self.guard = make_guard(self.folder, self.device.port, self.sick.port)
        self._stack.callback(self.guard.stop)
        self.guard.start()
        if self._watch:
            self.bystander = BystanderHandle(self.folder, self.guard.main, self.device.port)
            self._stack.callback(self.bystander.stop)
            self._learn_quiet()

    def _learn_quiet(self):
        time.sleep(0.5)
        self.bystander.period()
        time.sleep(FULL_QUIET_S if self.full else QUIET_S)
        self.quiet, self.quiet_direct = self.bystander.period()

    def close(self):
        """End everything that the stage started."""
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # For cases.

    def caller(self, port=None, source="127.0.0.3"):
        """Connect a client to the main conduit, or to a port."""
        return Caller(port or self.guard.main, source)

    def fresh(self):
        """Return an address and a value that no other write of this stage has."""
        number = next(self._values)
        return number % 20_000 + 10_000, number // 20_000 * 7919 + number % 7919

    def write(self, caller, unit=20):
        """Write something new; return the answer. An acknowledgement is remembered and checked at the end."""
        address, value = self.fresh()
        answer = caller.ask(write_pdu(address, value), unit)
        if not answer.exception:
            require(answer.pdu == write_pdu(address, value), f"another write was acknowledged: {answer.raw.hex()}")
            self.acknowledged.append(f"{unit}/{address}/{value}")
        return answer

    def honest(self, caller, unit=20, first=0, count=4):
        """Read, and require the right values."""
        answer = caller.ask(read_pdu(first, count), unit)
        right = answer_to_read(unit, first, count)
        require(answer.pdu == right, f"a read of unit {unit} gave {answer.pdu[:20].hex()}, not {right[:20].hex()}")
        return answer

    def slack_s(self):
        """Return how late the machine itself was lately, in seconds: what the direct poll lost at worst."""
        if self._watch:
            self.lateness = max(self.lateness, self._period())
        return self.lateness / 1000

    def honest_frame(self, unit=20, first=0, count=1):
        """Return a request of which every byte is right."""
        return adu(next_tid(), read_pdu(first, count), unit)

    # What must hold everywhere.

    def begin(self):
        """Start a case."""
        self.device.plan()
        self.sick.plan()
        self.device.order("forget")
        self.sick.order("forget")
        self.acknowledged.clear()
        self.watches_latency, self.spares_bystander = True, False
        self.lateness = 0.0
        self._seen = []
        if self._watch:
            self.bystander.period()
            self._waits = self._waited()
        self._began = time.monotonic()

    def end(self):
        """Check what must hold everywhere; return a remark on the bystander."""
        if self._watch:
            if self.watches_latency and not self.spares_bystander:
                time.sleep(max(0.0, self._began + (FULL_CALM_S if self.full else CALM_S) - time.monotonic()))
            self._period()
        for name, device in (("main", self.device), ("sick", self.sick)):
            facts = device.facts()
            require(not facts["malformed"], f"{facts['malformed']} malformed at device {name}: {facts['examples'][:2]}")
            require(not facts["repeated"], f"{facts['repeated']} writes came more than once to device {name}")
        self._check_writes()
        return self._check_bystander() if self._watch else ""

    def reload(self):
        """Have the guard read its configuration again, and wait until it has. Raises Broken."""
        reply = self.guard.reload()
        require(isinstance(reply, Done), f"the reload was refused: {reply}")

    def settle(self):
        """Bring everything back for the next case."""
        with contextlib.suppress(OSError):
            for device in (self.device, self.sick):
                device.plan()
                device.order("most", most=0)
                device.order("on")
        if self._watch and self.spares_bystander:
            until(self._bystander_is_calm, CALM_AGAIN_S, every=0.2)

    def _bystander_is_calm(self):
        """Say whether what a killed or stopped guard did to it is over: those polls are not the next case's."""
        guarded = self.bystander.period()[0]
        return guarded["polls"] and not guarded["lost"] and guarded["max"] < CALM_MS

    def _period(self):
        guarded, direct = self.bystander.period()
        self._seen.append((guarded, direct))
        return max(0.0, direct["max"] - self.quiet_direct["p50"])

    def _waited(self):
        """Return how long guard, device and bystander had no processor so far, in ms each."""
        pids = (self.guard.pid, self.device.process.pid, self.bystander.process.pid)
        return {pid: waited_ms(pid) for pid in pids}

    def _machine_ms(self):
        """Return what the machine did to the guarded poll at most: to the direct one, and processors not had."""
        direct = max(period[1]["p99"] for period in self._seen) - self.quiet_direct["p99"]
        waits = self._waited()
        return 2 * max(0.0, direct) + sum(waits[pid] - before for pid, before in self._waits.items() if pid in waits)

    def _check_writes(self):
        if not self.acknowledged:
            return
        arrived = {}
        for device in (self.device, self.sick):
            for key, count in device.values().items():
                arrived[key] = arrived.get(key, 0) + count
        lost = [key for key in self.acknowledged if not arrived.get(key)]
        require(not lost, f"{len(lost)} acknowledged writes never came to the device: {lost[:3]}")
        again = [key for key in self.acknowledged if arrived[key] > 1]
        require(not again, f"{len(again)} writes came more than once: {again[:3]}")

    def _check_bystander(self):
        guarded = [period[0] for period in self._seen]
        wrong = [one for period in guarded for one in period["wrong"]]
        require(not wrong, f"the bystander got a wrong answer: {wrong[0][:80] if wrong else ''}")
        if self.spares_bystander:
            return ""
        lost = [one for period in guarded for one in period["lost"]]
        require(not lost, f"the bystander lost its connection: {lost}")
        told = [one for period in guarded for one in period["told"]]
        require(not told, f"the bystander was told exceptions {told}")
        p99 = max(period["p99"] for period in guarded)
        if not self.watches_latency:
            return ""
        most = max(2 * self.quiet["p99"], FLOOR_MS if self.full else SHORT_FLOOR_MS) + self._machine_ms()
        if p99 > most:
            raise Late(f"the bystander's p99 was {p99:.1f} ms (quiet {self.quiet['p99']:.1f}, allowed {most:.1f})")
        return f"bystander p99 {p99:.1f} ms (quiet {self.quiet['p99']:.1f})"


class Stages:
    """Gives each case its stage; keeps the last one while the next case wants the same guard."""

    def __init__(self, shared, *, full=False, kills=20):
        self._shared, self._full, self._kills = shared, full, kills
        self._made = None
        self._stage = None

    def for_case(self, case):
        """Return a stage for a case."""
        made = (case.own or self._shared, case.watch)
        if self._stage is None or self._made != made:
            self.close()
            self._stage = Stage(made[0], full=self._full, kills=self._kills, watch=case.watch)
            self._made = made
        return self._stage

    def close(self):
        """Close what is open."""
        if self._stage is not None:
            self._stage.close()
            self._stage = None
