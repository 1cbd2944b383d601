"""OPC UA: whole conversations. One client, the gateway, one device; clients and devices that lie.

Seeded like the other targets: an input is one conversation of some thirty events on a conduit that ends channels or
passes them. What the device holds afterwards is what rules permit, and nobody is left in any table.
"""

import contextlib
import random
import runpy
import time
from functools import cache
from pathlib import Path

from opcua_target import LAWS, Dice, made, mutated

from icsguard.core.clock import SECOND
from icsguard.protocols.opcua.headers import REQUEST_HEADER, RequestHeader
from icsguard.protocols.opcua.messages_session import CreateSessionRequest
from icsguard.protocols.opcua.services import message

EVENTS = 30
NOT_OURS = {446, 452}  # OpenSecureChannel and CloseSecureChannel are chunks of their own kind
OTHERS = [law for law in LAWS if law.number not in NOT_OURS and law.request is not CreateSessionRequest]


@cache
def scenery():
    """Return the helpers of the conversation's own tests, and certificates for all."""
    found = runpy.run_path(str(Path(__file__).parent.parent / "conversation" / "opcua" / "conftest.py"))
    served = found["DeviceEnd"].request

    def request(end, whole):
        with contextlib.suppress(TypeError, KeyError):  # of null arrays and wrong ids this device says nothing
            served(end, whole)

    found["DeviceEnd"].request = request
    return found, {name: found["made_identity"](name) for name in ("client", "gateway", "device", "other")}


class UaTalks:
    """Whatever is sent, the device holds what rules permit, and at the end nothing is left of the conversation."""

    name = "opcua talks"
    size = 16

    def __init__(self, seed):
        self.seed = seed
        self._longest = 0

    def longest_event_ns(self):
        """Return the CPU time of the longest event of the last conversation."""
        return self._longest

    def batch(self, number):
        return [f"{self.seed} {number} {place}" for place in range(self.size)]

    def show(self, seed):
        return f"conversation {seed}"

    def check(self, seed, seen):
        rng = random.Random(seed)
        parts, ids = scenery()
        ends_here = rng.random() < 0.6
        world = parts["World"](ids, way="terminate" if ends_here else "passthrough", chop=rng.choice([0, 0, 7, 1000]))
        peer = world.connect()
        if rng.random() < 0.9:
            peer.start()
        else:
            peer.hello().open()
        acts = [self._write, self._write, self._changed, self._other, self._time]
        acts += [self._hurt, self._garbage] if ends_here else []
        self._longest = 0
        for _ in range(EVENTS):
            if peer.closed:
                break
            began = time.thread_time_ns()
            rng.choice(acts)(rng, world, peer, parts)
            self._longest = max(self._longest, time.thread_time_ns() - began)
            seen["events"] += 1
            self._holds(world, parts)
        seen["closed" if peer.closed else "open"] += 1
        self._end(world, peer)

    def _write(self, rng, world, peer, parts):
        names = rng.choices(["Allowed", "Denied", "Ranged", "P1", "P2"], k=rng.choice([1, 1, 3]))
        peer.post(peer.raw(parts["writing"]({name: rng.choice([1.0, 50.0, 101.0, -1.0]) for name in names})))

    def _changed(self, rng, world, peer, parts):
        peer.post(mutated(rng, peer.raw(parts["writing"]({"Allowed": 5.0, "Denied": 66.0, "Ranged": 7.0}))) or b"\0")

    def _other(self, rng, world, peer, parts):
        law = rng.choice(
            [law for law in LAWS if law.number not in NOT_OURS and law.request is not CreateSessionRequest]
        )
        body = made(Dice(f"{rng.random()}"), law.request)
        raw = message(law.number, REQUEST_HEADER, RequestHeader(token=peer.token, handle=7), body)
        peer.post(mutated(rng, raw) or b"\0" if rng.random() < 0.5 else raw)

    def _time(self, rng, world, peer, parts):
        peer.tick(rng.choice([0.01, 0.5, 3.0]))

    def _hurt(self, rng, world, peer, parts):
        if rng.random() < 0.2:
            raw = peer.channel.send(b"MSG", 999, peer.raw(parts["writing"]({"Denied": 66.0})), world.now)
            peer.send(mutated(rng, raw))

    def _garbage(self, rng, world, peer, parts):
        if rng.random() < 0.1 and peer.end is not None:
            sound = b"MSGF" + (40).to_bytes(4, "little") + rng.randbytes(32)
            peer.from_device([mutated(rng, sound)])
            peer.pump()

    def _holds(self, world, parts):
        values, node = world.device.values, parts["node"]
        assert 1.0 == values[node("Denied")], "a denied value has arrived"
        assert 0.0 <= values[node("Ranged")] <= 100.0, "a value out of range has arrived"
        assert len(world.guard.sessions) <= 1, "a session too many"

    def _end(self, world, peer):
        peer.carry_out(peer.talk.client_lost(world.now))
        peer.pump()
        for _ in range(40):
            if peer.talk.is_over:
                break
            world.now += SECOND
            peer.carry_out(peer.talk.timer(world.now))
            peer.pump()
        assert peer.talk.is_over, "it never ends"
        assert not world.guard.sessions, "the conduit still counts it"
