"""OPC UA: bytes changed at random through codec, framing and an open channel.

Messages are parsed, described, split, spliced and told to the session table; streams are framed whole and cut; chunks
come to one end of an open channel under each security. An AssertionError names the broken promise.
"""

import random
import runpy
from functools import cache
from pathlib import Path

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import OpenPart, SealOpen, UnsealOpen
from icsguard.protocols.opcua.channel import Asked, Channel, Role
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.defects import DEFECTS
from icsguard.protocols.opcua.describe import describe, target
from icsguard.protocols.opcua.handshake import MAX_MESSAGE, Hello, acknowledge, error, greeting, parse_greeting
from icsguard.protocols.opcua.headers import REQUEST_HEADER, RequestHeader, ResponseHeader
from icsguard.protocols.opcua.meaning import meaning, observations
from icsguard.protocols.opcua.messages_session import OpenRequest
from icsguard.protocols.opcua.passthrough import Watch
from icsguard.protocols.opcua.refuse import can_split, fault, splice, split
from icsguard.protocols.opcua.security import NONE, POLICIES, SecurityMode
from icsguard.protocols.opcua.services import (
    SERVICES,
    build_request,
    build_response,
    message,
    parse_request,
    parse_response,
)
from icsguard.protocols.opcua.sessions import Sessions
from icsguard.protocols.opcua.symmetric import Plain, derived, seal
from icsguard.protocols.opcua.tokens import token
from icsguard.protocols.opcua.uacp import MAX_PENDING, OPEN, Framer

samples = runpy.run_path(str(Path(__file__).parent.parent / "protocols" / "opcua" / "conftest.py"))
made, Dice = samples["made"], samples["Dice"]
LAWS = [law for law in SERVICES.values() if law.request is not None]
BATCH = 1024
FORGET_EVERY = 1 << 16  # inputs after which the session table begins anew, as after a restart of the device


def mutated(rng, raw):
    """Return bytes with some changed, cut out, doubled or put in."""
    out = bytearray(raw)
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        at = rng.randrange(len(out) + 1)
        kind = rng.randrange(5)
        if kind == 0 and at < len(out):
            out[at] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)])
        elif kind == 1:
            del out[at : at + rng.choice([1, 4, 40])]
        elif kind == 2:
            out[at:at] = rng.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\xfe\xff\xff\xff", rng.randbytes(3)])
        elif kind == 3:
            out[at : at + 4] = rng.choice([b"\xff\xff\xff\x7f", b"\0\0\1\0", b"\x98\1\0\0"])
        else:
            out[at:at] = out[at : at + 16]
    return bytes(out)


@cache
def sound_messages():
    """Return sound messages: (request body, response body) of every service, some of each."""
    found = []
    for law in LAWS:
        for seed in range(4):
            rng = Dice(f"{law.name} {seed}")
            asked = message(law.number, REQUEST_HEADER, made(rng, RequestHeader), made(rng, law.request))
            found.append((asked, build_response(law.number, made(rng, ResponseHeader), made(rng, law.response))))
    return found


@cache
def sound_streams():
    """Return sound beginnings of connections and chunked messages."""
    opened = build_request(RequestHeader(), OpenRequest(0, 0, 1, None, 60_000))
    head = greeting(Hello(0, 65536, 65536, 0, 0, "opc.tcp://plc:4840"))
    found = [head + SealOpen(0, NONE, 1, 1, opened).run(), greeting(acknowledge(Hello(0, 65536, 65536, 0, 0, None)))]
    found.append(error(0x801F0000, "no") + head)
    for asked, _ in sound_messages()[::9]:
        half = len(asked) // 2
        rest = b"\7\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0"
        found.append(chunk(b"MSGC", rest + asked[:half]) + chunk(b"MSGF", rest + asked[half:]))
    return found


def chunk(kind, rest):
    return kind + (8 + len(rest)).to_bytes(4, "little") + rest


def known(found):
    assert found is None or found.code in DEFECTS, "a defect that the table does not know"
    return found


class Source:
    """What the targets share: a batch is made from its number alone."""

    size = BATCH

    def __init__(self, seed):
        self.seed = seed

    def batch(self, number):
        rng = random.Random(f"{self.seed} {self.name} {number}")
        return [self.one(rng) for _ in range(BATCH)]


class UaMessages(Source):
    """A request and a response: read or refused by a defect of the table, described, split, spliced, learnt from."""

    name = "opcua messages"

    def __init__(self, seed):
        super().__init__(seed)
        self._sessions = Sessions()
        self._left = FORGET_EVERY

    def one(self, rng):
        asked, answer = rng.choice(sound_messages())
        return tuple(mutated(rng, raw) for raw in ((asked, answer) if rng.random() < 0.75 else (answer, asked)))

    def check(self, pair, seen):
        asked, answer = pair
        self._left -= 1
        if not self._left:
            self._sessions, self._left = Sessions(), FORGET_EVERY
        request, response = parse_request(asked), parse_response(answer)
        for parsed in (request, response):
            seen[known(parsed.defect).code if parsed.defect else "sound"] += 1
            assert parsed.defect is None or parsed.body is None, "a defective message has a body"
        assert (describe(request) + target(request)).isprintable(), "a line that hurts a terminal"
        assert parse_response(fault(request, 0x80070000, 0)).defect is None, "a fault that nobody can read"
        touched = meaning(request)
        assert request.defect is None or not touched.nodes, "a defective request touches something"
        observations(request, response)
        self._sessions.answered(request, response)
        if can_split(request):
            parts = split(request, {0: 0x801F0000, 2: 0x801F0000})
            assert not parts.forward or parse_request(parts.forward).defect is None, "what is forwarded is broken"
            spliced = splice(parts, answer)
            assert isinstance(spliced, bytes) or known(spliced), "neither spliced nor refused"

    def show(self, pair):
        return " ".join(raw.hex() for raw in pair)


class UaStreams(Source):
    """A stream of chunks: the same frames whole and cut, within the bounds; its greetings, OPNs and bodies are read."""

    name = "opcua streams"

    def one(self, rng):
        stream = mutated(rng, rng.choice(sound_streams()))
        return stream, rng.randrange(len(stream) + 1)

    def check(self, cut_stream, seen):
        stream, at = cut_stream
        whole, cut, watch = Framer(), Framer(), Watch()
        frames = whole.feed(stream)
        again = [frame.raw for part in (stream[:at], stream[at:]) for frame in cut.feed(part)]
        assert [frame.raw for frame in frames] == again, "cut it gives other frames"
        assert whole.fatal == cut.fatal, "cut it ends otherwise"
        assert whole.pending == cut.pending <= MAX_PENDING, "it holds too much"
        seen[known(whole.fatal).code if whole.fatal else "framed"] += 1
        for frame in frames:
            self._look(frame, watch)

    def _look(self, frame, watch):
        if frame.kind in {b"HEL", b"ACK", b"ERR", b"RHE"}:
            parse_greeting(frame)
        elif frame.kind == OPEN:
            known(watch.opened(frame, from_client=True))
            found = UnsealOpen(frame, None).run()
            if isinstance(found, OpenPart):
                asked = Channel(Role.SERVER).asked(found)
                assert isinstance(asked, Asked) or known(asked), "neither asked nor refused"
        else:
            body = watch.seen(frame, from_client=True)
            assert body is None or isinstance(body, Whole) or known(body).fatal, "a defect that is not fatal"

    def show(self, cut_stream):
        return f"{cut_stream[0].hex()} cut at {cut_stream[1]}"


class UaChannels(Source):
    """Chunks on an open channel: nothing changed passes a signature, sound ones do, what is held is bounded."""

    name = "opcua channels"
    MODES = (SecurityMode.NONE, SecurityMode.SIGN, SecurityMode.SIGN_AND_ENCRYPT)

    def __init__(self, seed):
        super().__init__(seed)
        secured = [law for law in POLICIES.values() if law.secures]
        self._policies = {mode: [NONE] if mode is SecurityMode.NONE else secured for mode in self.MODES}

    def one(self, rng):
        mode = rng.choice(self.MODES)
        policy = rng.choice(self._policies[mode])
        keys = token(1, 0, 60_000, None)
        if policy.secures:
            fresh = channel_keys(policy, rng.randrange(8))
            keys = token(1, 0, 60_000, fresh)
        sound = []
        for place in range(3):
            body = rng.choice(sound_messages())[0][: rng.choice([0, 40, 4000])]
            kind = rng.choice([b"MSGF", b"MSGC", b"MSGA", b"CLOF"])
            head = kind + b"\0\0\0\0" + b"\7\0\0\0" + b"\1\0\0\0"
            sound.append(seal(head, Plain(51 + place, 5, body), mode, keys.incoming))
        sent, changed = list(sound), rng.randrange(4)
        if changed < len(sent):
            sent[changed] = mutated(rng, sent[changed])
        return mode, policy, keys, sent, frozenset(sound)

    def check(self, scene, seen):
        mode, policy, keys, sent, sound = scene
        channel = Channel(Role.SERVER)
        channel.id, channel.policy, channel.mode, channel.state = 7, policy, mode, "open"
        channel.tokens.add(keys)
        framer = Framer()
        for raw in sent:
            for frame in framer.feed(raw):
                found = channel.receive(frame, 1)
                assert channel.pending <= MAX_MESSAGE, "it holds too much"
                if isinstance(found, Defect):
                    seen[known(found).code] += 1
                    return
                seen["whole" if found else "held"] += 1
                assert not policy.secures or frame.raw in sound, "a changed chunk passed the signature"

    def show(self, scene):
        return f"{scene[1].name} {scene[0].name} {' '.join(raw.hex() for raw in scene[3])}"


@cache
def channel_keys(policy, number):
    """Return keys of both directions, the same for what leaves and what comes."""
    one = derived(policy, bytes((number,)) * policy.nonce, b"\1" * policy.nonce)
    return one, one
