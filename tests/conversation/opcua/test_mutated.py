"""Whole conversations with bytes changed on their way, on either side: nothing raises, nothing forbidden arrives."""

import os
from random import Random

import pytest

from icsguard.conversation.states import ClientState
from icsguard.core.decision import Decision
from icsguard.core.transaction import Opinion
from icsguard.protocols.opcua.messages_session import CloseSessionRequest, GetEndpointsRequest
from icsguard.protocols.opcua.messages_subscription import CreateSubscriptionRequest, PublishRequest
from icsguard.protocols.opcua.messages_view import RegisterNodesRequest
from icsguard.protocols.opcua.nodes import NodeId

DIALOGUES = int(os.environ.get("ICSGUARD_UA_DIALOGUES", "60"))
BOTH, SIGN, NONE = ("Basic256Sha256", 3), ("Basic256Sha256", 2), ("None", 1)
KINDS = [
    ("terminate", NONE, NONE, {}),
    ("passthrough", NONE, NONE, {}),
    ("terminate", BOTH, BOTH, {}),
    ("passthrough", SIGN, SIGN, {"on_deny": "cut"}),
]


def mutated(rng, data):
    """Return bytes with one thing wrong."""
    if not data:
        return rng.randbytes(8)
    at = rng.randrange(len(data))
    match rng.randrange(8):
        case 0:
            return data[:at]
        case 1:
            return data + data
        case 2:
            return data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
        case 3:
            return data[:at] + data[at + rng.randrange(1, 9) :]
        case 4:
            return data[:at] + rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\x7f")) + data[at + 4 :]
        case 5:
            return data[:4] + rng.randbytes(4) + data[8:]
        case _:
            return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]


class BrokenError(Exception):
    """The client could make no sense of what it got: the dialogue ends."""


class Watched:
    """A session whose own exceptions cannot be taken for those of the client in this test."""

    def __init__(self, talk):
        self.__dict__["_talk"] = talk

    def __getattr__(self, name):
        found = getattr(self._talk, name)
        if not callable(found):
            return found

        def called(*given):
            try:
                return found(*given)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is ours
                pytest.fail(f"{name} raised {error!r}")

        return called


def spoil(rng, peer, odds):
    """Have some of what is sent changed on its way, both ways."""
    post, answer = peer.send, peer.from_device
    lies = []

    def send(data):
        post(mutated(rng, data) if rng.random() < odds else data)

    def from_device(sent):
        data = b"".join(sent)
        if data and rng.random() < odds:
            lies.append(data)
            data = mutated(rng, data)
        answer([data])

    peer.send, peer.from_device = send, from_device
    take = peer.take

    def careful(data):
        try:
            take(data)
        except (AssertionError, KeyError, IndexError, AttributeError):
            raise BrokenError from None

    peer.take = careful
    reach = peer.reach

    def judged(end, data):
        """A device behind two channels sees nothing but what is right; behind one that passes it may see anything."""
        try:
            return reach(end, data)
        except (AssertionError, KeyError, IndexError, AttributeError) as error:
            if peer.world.guard.options.way == "terminate" and not lies:  # one that lied may not know its own channel
                pytest.fail(f"the device was sent what it cannot take: {error!r}")
            end.feed = lambda data, now: []
            return []

    peer.reach = judged


def step(rng, scene, peer):  # noqa: C901 - one line for each thing
    """Do something that clients do."""
    match rng.randrange(12):
        case 0 | 1:
            peer.read(*(f"P{rng.randrange(3)}" for _ in range(rng.randrange(1, 4))))
        case 2 | 3:
            peer.write(Allowed=1.0, **({"Denied": 2.0} if rng.random() < 0.7 else {}))
        case 4:
            peer.write(Ranged=rng.choice((5.0, 500.0, float("nan"))))
        case 5:
            peer.call(*rng.choice((("Safe",), ("Danger",), ("Safe", "Danger"))))
        case 6:
            aliases = peer.ask(RegisterNodesRequest((NodeId(2, "s", "Denied"),)))
            if aliases is not None and aliases.body is not None:
                peer.write(Denied=3.0)
        case 7:
            peer.ask(CreateSubscriptionRequest(100.0, 10, 3, 0, enabled=True, priority=0))
            peer.ask(PublishRequest(None))
        case 8:
            peer.renew()
        case 9:
            peer.tick(rng.choice((0.01, 0.6, 3)))
        case 10:
            scene.guard.shadow_up = not scene.guard.shadow_up
            while peer.asked:
                question = peer.asked.pop()
                decision = rng.choice((Decision.ALLOW, Decision.REFUSE, Decision.HOLD))
                peer.carry_out(peer.talk.opinion(Opinion(question.number, decision, (), "m"), scene.now))
        case _:
            peer.ask(rng.choice((GetEndpointsRequest("x", None, None), CloseSessionRequest(subscriptions=True))))


def play(world, kind, seed):
    """Play one dialogue to its end; return the scene."""
    rng = Random(seed)
    way, client, server, options = KINDS[kind]
    scene = world(client, server, way=way, chop=rng.choice((0, 0, 0, 13)), **options)
    scene.guard.quarantine.grave.threshold = 10**6
    peer = scene.connect()
    peer.talk = Watched(peer.talk)
    odds = rng.choice((0.02, 0.05, 0.2))
    try:
        if rng.random() < 0.2:
            spoil(rng, peer, odds)
            peer.start(*client)
        else:
            peer.start(*client)
            spoil(rng, peer, odds)
        for _ in range(rng.randrange(2, 25)):
            if peer.closed or peer.talk.state is not ClientState.OPEN:
                break
            step(rng, scene, peer)
    except (BrokenError, AssertionError, AttributeError):
        pass  # the client's own end could not go on; the gateway's must
    peer.take = lambda data: None
    for _ in range(3):
        peer.tick(rng.choice((1, 30, 70)))
    peer.carry_out(peer.talk.client_lost(scene.now))
    peer.tick(70)
    if not peer.talk.is_over:
        peer.carry_out(peer.talk.link_lost("gone", scene.now))
    return scene, peer


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_no_changed_byte_breaks_a_promise(world, kind):
    for seed in range(DIALOGUES if KINDS[kind][1] == NONE else DIALOGUES // 4):
        scene, peer = play(world, kind, seed)
        assert peer.talk.is_over, seed
        assert not scene.guard.sessions, seed
        assert {} == scene.guard.half_open, seed
        assert 0 == peer.talk.in_flight, seed
        bad = [entry for entry in scene.log if entry[0] == "write" and "Denied" in entry[1]]
        assert not bad, seed
        assert not [entry for entry in scene.log if entry == ("call", "ns=2;s=Danger")], seed
        high = [
            entry for entry in scene.log if entry[0] == "write" and "Ranged" in entry[1] and not 0 <= entry[2] <= 100
        ]
        assert not high, seed
