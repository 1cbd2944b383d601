"""Two peers built on the codec, and a conduit between them: everything but sockets, threads and clocks."""

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from icsguard.config.settings import Conduit, UaSettings
from icsguard.conversation.api import Ask, CloseClient, CloseLink, OpenLink, ToClient, ToDevice
from icsguard.conversation.opcua.api import Job
from icsguard.conversation.opcua.credentials import Resign, Secret
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.options import Legs
from icsguard.conversation.opcua.passthrough import Passed
from icsguard.conversation.opcua.terminate import Terminated
from icsguard.conversation.run import Run
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.meaning import Table
from icsguard.core.point import NO_REGISTER, Limits, Point, PointKind
from icsguard.policy.decide import Judge
from icsguard.policy.nodes.judge import NodeJudge
from icsguard.policy.nodes.rules import NodePolicy, NodeRule, UaLimits
from icsguard.policy.rules import Action, ClientGroup, Policy
from icsguard.protocols.opcua.asymmetric import Identity, signed, verified
from icsguard.protocols.opcua.builtin import NO_EXTENSION, DataValue, LocalizedText, QualifiedName, Variant
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.handshake import Hello, acknowledge, agreed, greeting, parse_greeting
from icsguard.protocols.opcua.headers import REQUEST_HEADER, Nothing, RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import (
    CallMethod,
    CallRequest,
    CallResponse,
    CallResult,
    ReadRequest,
    ReadResponse,
    ReadValueId,
    WriteRequest,
    WriteValue,
)
from icsguard.protocols.opcua.messages_session import (
    ActivateSessionRequest,
    ActivateSessionResponse,
    AnonymousToken,
    ApplicationDescription,
    CloseSessionRequest,
    CreateSessionRequest,
    CreateSessionResponse,
    EndpointDescription,
    FindServersRequest,
    FindServersResponse,
    GetEndpointsRequest,
    GetEndpointsResponse,
    SignatureData,
    UserNameToken,
    UserTokenPolicy,
)
from icsguard.protocols.opcua.messages_subscription import (
    CreateMonitoredItemsRequest,
    CreateMonitoredItemsResponse,
    CreateSubscriptionRequest,
    CreateSubscriptionResponse,
    DataChange,
    MonitoredItemCreated,
    MonitoredValue,
    NotificationMessage,
    PublishRequest,
    PublishResponse,
)
from icsguard.protocols.opcua.messages_view import (
    BrowseRequest,
    BrowseResponse,
    BrowseResult,
    RegisterNodesRequest,
    RegisterNodesResponse,
    StatusResponse,
)
from icsguard.protocols.opcua.nodes import NULL_NODE, NodeId
from icsguard.protocols.opcua.security import NONE, POLICIES, SecurityMode
from icsguard.protocols.opcua.services import (
    SERVICES,
    build_request,
    build_response,
    message,
    parse_request,
    parse_response,
    structure,
    wrapped,
)
from icsguard.protocols.opcua.uacp import Framer

START = int(datetime(2026, 1, 10, tzinfo=UTC).timestamp()) * SECOND
BASE = "http://opcfoundation.org/UA/SecurityPolicy#"
PLANT = "urn:plant"
NAMESPACES = ("http://opcfoundation.org/UA/", "urn:device", PLANT)
DOUBLE = 11
SECRET = "secret"


def uri(name):
    return BASE + name


def node(name, namespace=2):
    return NodeId(namespace, "s", name)


def made_identity(name, bits=2048):
    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(start).not_valid_after(start + timedelta(days=30))
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:{name}"), x509.DNSName("localhost")])
    return Identity(builder.add_extension(names, critical=False).sign(key, SHA256()).public_bytes(Encoding.DER), key)


@pytest.fixture(scope="session")
def ids():
    return {name: made_identity(name) for name in ("client", "gateway", "device", "stranger")}


def a_policy(**nodes):
    full = {
        name: f"nsu={PLANT};s={name}" for name in ("Allowed", "Denied", "Ranged", "Danger", "Safe", "Held", "Plant")
    }
    values = tuple(f"nsu={PLANT};s=P*" for _ in range(1))
    rules = (
        NodeRule(
            "look", clients=("hmi",), services=(631, 527, 533, 554, 751, 763, 769, 781, 787, 793, 799, 826, 847, 832)
        ),
        NodeRule("aliases", clients=("hmi",), services=(560, 566)),
        NodeRule("write", clients=("hmi",), services=(673,), nodes=(full["Allowed"], full["Ranged"], *values)),
        NodeRule("held", clients=("hmi",), services=(673,), nodes=(full["Held"],), action=Action.HOLD),
        NodeRule("call", clients=("hmi",), services=(712,), methods=(full["Safe"],)),
    )
    points = (
        Point(
            name="ranged",
            unit_id=1,
            table=Table.HOLDING,
            address=NO_REGISTER,
            node=full["Ranged"],
            limits=Limits(minimum=0, maximum=100),
        ),
        Point(
            name="secret",
            unit_id=1,
            table=Table.HOLDING,
            address=NO_REGISTER,
            node=f"nsu={PLANT};s=PSecret",
            kind=PointKind.SECRET,
        ),
    )
    nodes = {"rules": rules, "points": points, "anonymous": True, "mode": 1} | nodes
    groups = (ClientGroup("hmi", ("10.0.0.21/32", "10.0.0.22/32")),)
    return Policy(digest="policy", groups=groups, opcua=NodePolicy(**nodes))


class OpenTrust:
    """Trusts everybody but those whose pins it names."""

    def __init__(self, *barred):
        self.barred = barred

    is_empty = False

    def _judge(self, chain):
        found = certificate_of(chain)
        if isinstance(found, Defect):
            return found
        if found.uri in self.barred:
            return Defect("certificate-untrusted", f"{found.uri} is not trusted", fatal=True, reply=0x801A0000)
        return None

    def client(self, chain, uri, wall):
        return self._judge(chain)

    def server(self, chain, wall):
        return self._judge(chain)


class Device:
    """A server's memory, whatever the connections to it."""

    def __init__(self, identity, security):
        self.identity = identity
        self.security = security
        self.namespaces = NAMESPACES
        self.values = {node(name): 1.0 for name in ("Allowed", "Denied", "Ranged", "Held", "PSecret")}
        self.values |= {node(f"P{n}"): float(n) for n in range(100)}
        self.sessions = {}
        self.users = {"operator": "secret"}
        self.log = []
        self.registered = 0
        self.silent = set()
        self.statuses = {}
        self.publishing = deque()
        self.certificate = identity.certificate
        self.made = 0
        self.aliases = {}
        self.diagnostics = ()
        self.token_security = None
        self.lies = False

    def endpoints(self):
        server = ApplicationDescription(
            "urn:device", "p", LocalizedText(None, "Device"), 0, None, None, ("opc.tcp://d:1",)
        )
        tokens = (
            UserTokenPolicy("anon", 0, None, None, None),
            UserTokenPolicy("name", 1, None, None, self.token_security),
            UserTokenPolicy("x509", 2, None, None, None),
        )
        return tuple(
            EndpointDescription("opc.tcp://d:1", server, self.certificate, mode, policy, tokens, None, 0)
            for policy, mode in (*self.security, (NONE.uri, 1))
        )


class DeviceEnd:
    """One connection to the device, as it sees it."""

    def __init__(self, device, random, now):
        self.device = device
        self.random = random
        self.channel = Channel(Role.SERVER)
        self.framer = Framer()
        self.sent = []
        self.tokens = 0
        self.now = now
        self.closed = False
        self.pending = []
        self.subscriptions = {}

    def feed(self, data, now):
        self.now = now
        for frame in self.framer.feed(data):
            if frame.kind == b"HEL":
                hello = parse_greeting(frame)
                self.channel.sends(agreed(hello.receive, hello.max_message, hello.max_chunks))
                self.sent.append(greeting(acknowledge(hello)))
            elif frame.kind == b"OPN":
                self.open(frame)
            else:
                whole = self.channel.receive(frame, now)
                assert not isinstance(whole, Defect), whole
                if whole is not None and whole.kind == b"CLO":
                    self.closed = True
                elif whole is not None and whole.aborted is None:
                    self.request(whole)
        assert self.framer.fatal is None
        out, self.sent = self.sent, []
        return out

    def open(self, frame):
        part = self.channel.unseal(frame, self.device.identity).run()
        assert not isinstance(part, Defect), part
        asked = self.channel.asked(part)
        assert not isinstance(asked, Defect), asked
        self.tokens += 1
        job = self.channel.grant(
            asked,
            self.device.identity,
            channel=77,
            number=self.tokens,
            nonce=self.random.randbytes(part.policy.nonce),
            ticks=9,
            now=self.now,
        )
        self.sent.append(self.channel.sealed(job.run(), self.now))

    def request(self, whole):
        request = parse_request(whole.body)
        assert request.defect is None, request.defect
        if request.name in self.device.silent:
            self.device.log.append((request.name, request.body))
            return
        handler = getattr(self, f"on_{type(request.body).__name__.lower()}", None)
        answer = 0x800B0000 if handler is None else handler(request, request.body)
        if answer is None:
            self.pending.append((whole.request, request))
            return
        self.answer(whole.request, request, answer)

    def answer(self, id_, request, answer):
        header = ResponseHeader(9, request.header.handle)
        if isinstance(answer, int):
            body = build_response(request.number, header._replace(result=answer), None)
        else:
            body = build_response(request.number, header, answer)
        raw = self.channel.send(b"MSG", id_, body, self.now)
        assert isinstance(raw, bytes), raw
        self.sent.append(raw)

    # Services.

    def on_getendpointsrequest(self, request, asked):
        return GetEndpointsResponse(self.device.endpoints())

    def on_findserversrequest(self, request, asked):
        other = self.device.endpoints()[0].server._replace(uri="urn:other")
        return FindServersResponse((other, self.device.endpoints()[0].server))

    def on_createsessionrequest(self, request, asked):
        device = self.device
        device.made += 1
        token, nonce = NodeId(0, "b", self.random.randbytes(16)), self.random.randbytes(32)
        device.sessions[token] = {"nonce": nonce, "certificate": asked.certificate, "end": None, "asked": asked}
        signature = SignatureData(None, None)
        if self.channel.policy.secures:
            assert certificate_of(asked.certificate).der == self.channel.peer.der
            assert asked.client.uri == self.channel.peer.uri
            data = asked.certificate + asked.nonce + (b"more" if device.lies else b"")
            signature = SignatureData("alg", signed(device.identity.key, self.channel.policy, data))
        return CreateSessionResponse(
            NodeId(1, "i", device.made),
            token,
            60_000.0,
            nonce,
            device.certificate,
            device.endpoints(),
            None,
            signature,
            0,
        )

    def on_activatesessionrequest(self, request, asked):
        device, session = self.device, self.device.sessions.get(request.header.token)
        if session is None:
            return 0x80250000
        if self.channel.policy.secures:
            data = device.certificate + session["nonce"]
            assert verified(self.channel.peer.key, self.channel.policy, asked.signature.signature, data)
        token = structure(asked.identity)
        if isinstance(token, UserNameToken):
            law = POLICIES[device.token_security] if device.token_security else self.channel.policy
            password = token.password
            if law.secures:
                alg = token.algorithm
                password, _ = Secret(
                    password, alg, device.identity.key, law, session["nonce"], None, NONE, b""
                ).carried()
            if device.users.get(token.user) != password.decode():
                return 0x801F0000
        session["nonce"], session["end"] = self.random.randbytes(32), self
        device.log.append(("activated", getattr(token, "user", "")))
        return ActivateSessionResponse(session["nonce"], (), None)

    def session(self, request):
        session = self.device.sessions.get(request.header.token)
        return session is not None and session["end"] is self

    def on_closesessionrequest(self, request, asked):
        self.device.sessions.pop(request.header.token, None)
        return Nothing()

    def on_readrequest(self, request, asked):
        if not self.session(request):
            return 0x80250000
        return ReadResponse(tuple(self.read(item) for item in asked.items or ()), None)

    def read(self, item):
        if item.node == NodeId(0, "i", 2255):
            return DataValue(Variant(12, self.device.namespaces, is_array=True))
        value = self.device.values.get(self.device.aliases.get(item.node, item.node))
        return DataValue(status=0x80340000) if value is None else DataValue(Variant(DOUBLE, value))

    def on_writerequest(self, request, asked):
        if not self.session(request):
            return 0x80250000
        results = []
        for item in asked.items or ():
            target = self.device.aliases.get(item.node, item.node)
            self.device.log.append(("write", str(item.node), item.value.value.value))
            self.device.values[target] = item.value.value.value
            results.append(self.device.statuses.get(target, 0))
        return StatusResponse(tuple(results), self.device.diagnostics or None)

    def on_callrequest(self, request, asked):
        self.device.log.extend(("call", str(call.method)) for call in asked.items)
        return CallResponse(tuple(CallResult(0, None, None, None) for _ in asked.items), None)

    def on_browserequest(self, request, asked):
        return BrowseResponse(tuple(BrowseResult(0, None, None) for _ in asked.items), None)

    def on_registernodesrequest(self, request, asked):
        out = []
        for wanted in asked.nodes:
            self.device.registered += 1
            alias = NodeId(9, "i", self.device.registered)
            self.device.aliases[alias] = wanted
            out.append(alias)
        return RegisterNodesResponse(tuple(out))

    def on_unregisternodesrequest(self, request, asked):
        for alias in asked.nodes:
            self.device.aliases.pop(alias, None)
        return Nothing()

    def on_createsubscriptionrequest(self, request, asked):
        number = 5 + len(self.subscriptions)
        self.subscriptions[number] = []
        return CreateSubscriptionResponse(number, asked.publishing_ms, asked.lifetime, asked.keep_alive)

    def on_createmonitoreditemsrequest(self, request, asked):
        made = []
        for wish in asked.items:
            self.subscriptions[asked.subscription].append((wish.item.node, wish.parameters.handle))
            made.append(MonitoredItemCreated(0, len(self.subscriptions[asked.subscription]), 1.0, 1, NO_EXTENSION))
        return CreateMonitoredItemsResponse(tuple(made), None)

    def on_publishrequest(self, request, asked):
        return None

    def publish(self, now, value=7.0):
        """Answer the oldest Publish with one value of every item."""
        self.now = now
        id_, request = self.pending.pop(0)
        values = tuple(
            MonitoredValue(handle, DataValue(Variant(DOUBLE, value)))
            for items in self.subscriptions.values()
            for _, handle in items
        )
        note = NotificationMessage(1, 9, (wrapped(DataChange(values, None)),))
        self.answer(id_, request, PublishResponse(5, (1,), more=False, message=note, results=(), diagnostics=None))
        out, self.sent = self.sent, []
        return out


class Peer:
    """One client with its connection through the conduit."""

    def __init__(self, world, talk, address):
        self.world = world
        self.talk = talk
        self.address = address
        self.identity = world.ids["client"]
        shown = "device" if world.guard.options.way == "passthrough" else "gateway"
        self.server = certificate_of(world.ids[shown].certificate)
        self.channel = Channel(Role.CLIENT)
        self.framer = Framer()
        self.answers = {}
        self.error = None
        self.closed = False
        self.requests = 0
        self.token = NULL_NODE
        self.end = None
        self.handle = 0
        self.nonce = b""
        self.session = None
        self.events = deque()
        self.jobs = []
        self.asked = []
        self.ends = []
        self.law, self.mode = NONE, SecurityMode.NONE
        self.chop = world.chop

    # The conduit's shell.

    def carry_out(self, commands):
        for command in commands:
            match command:
                case ToClient(data):
                    self.take(data)
                case ToDevice(data):
                    self.events.append(("device", self.end, data))
                case OpenLink():
                    self.end = DeviceEnd(self.world.device, self.world.random, self.world.now)
                    self.ends.append(self.end)
                    self.events.append(("up", self.end, b""))
                case CloseLink():
                    self.end = None
                case CloseClient():
                    self.closed = True
                    self.events.append(("lost", None, b""))
                case Job():
                    self.jobs.append(command)
                    if not self.world.holds_jobs:
                        self.events.append(("job", self.jobs.pop(), b""))
                case Ask():
                    self.asked.append(command.question)

    def pump(self):
        while self.events:
            kind, what, data = self.events.popleft()
            now = self.world.now
            if kind == "device":
                sent = self.reach(what, data) if what is not None else []
                if what is self.end:
                    self.from_device(sent)
            elif kind == "up" and what is self.end:
                refused = self.world.down
                self.carry_out(self.talk.link_failed(refused, now) if refused else self.talk.link_up(now))
            elif kind == "job":
                self.carry_out(self.talk.job_done(what.id, what.work.run(), now))
            elif kind == "lost":
                self.carry_out(self.talk.client_lost(now))

    def reach(self, end, data):
        return end.feed(data, self.world.now)

    def from_device(self, sent):
        for piece in self.pieces(b"".join(sent)):
            self.carry_out(self.talk.link_bytes(piece, self.world.now))

    def pieces(self, data):
        size = self.chop or len(data) or 1
        return [data[at : at + size] for at in range(0, len(data), size)]

    def finish_jobs(self):
        jobs, self.jobs = self.jobs, []
        self.events.extend(("job", job, b"") for job in jobs)
        self.pump()

    def send(self, data):
        for piece in self.pieces(data):
            self.carry_out(self.talk.client_bytes(piece, self.world.now))
            self.pump()

    def publish(self, value=7.0):
        self.from_device(self.end.publish(self.world.now, value))
        self.pump()

    def tick(self, seconds=0.0):
        self.world.now += int(seconds * SECOND)
        self.carry_out(self.talk.timer(self.world.now))
        self.pump()

    # The client.

    def take(self, data):
        for frame in self.framer.feed(data):
            if frame.kind == b"ACK":
                ack = parse_greeting(frame)
                self.channel.sends(agreed(ack.receive, ack.max_message, ack.max_chunks))
            elif frame.kind == b"ERR":
                self.error = parse_greeting(frame)
            elif frame.kind == b"OPN":
                part = self.channel.unseal(frame, self.identity).run()
                assert not isinstance(part, Defect), part
                done = self.channel.concluded(part, self.world.now)
                assert not isinstance(done, Defect), done
            else:
                whole = self.channel.receive(frame, self.world.now)
                assert not isinstance(whole, Defect), whole
                if whole is not None:
                    self.answers[whole.request] = whole.body

    def hello(self, url="opc.tcp://gw:4840", size=65536):
        self.send(greeting(Hello(0, size, size, 0, 0, url)))
        return self

    def open(self, policy="None", mode=1, lifetime_ms=3_600_000):
        self.law, self.mode = POLICIES[uri(policy)], SecurityMode(mode)
        self.renew(lifetime_ms)
        return self

    def renew(self, lifetime_ms=3_600_000):
        self.send(self.proposal(lifetime_ms))

    def proposal(self, lifetime_ms=3_600_000):
        self.requests += 1
        job = self.channel.propose(
            self.law,
            self.mode,
            self.identity if self.law.secures else None,
            self.server if self.law.secures else None,
            nonce=self.world.random.randbytes(self.law.nonce),
            lifetime_ms=lifetime_ms,
            request=self.requests,
            ticks=5,
        )
        return self.channel.sealed(job.run(), self.world.now)

    def raw(self, parameters, number=0, **header):
        self.handle += 1
        head = RequestHeader(token=self.token, timestamp=5 + self.handle, handle=self.handle, **header)
        if number:
            return message(number, REQUEST_HEADER, head, parameters)
        return build_request(head, parameters)

    def post(self, body, kind=b"MSG"):
        self.requests += 1
        raw = self.channel.send(kind, self.requests, body, self.world.now)
        assert isinstance(raw, bytes), raw
        self.send(raw)
        return self.requests

    def ask(self, parameters, number=0, **header):
        """Return the parsed answer, None where none came yet."""
        id_ = self.post(self.raw(parameters, number, **header))
        return self.got(id_)

    def got(self, id_):
        body = self.answers.pop(id_, None)
        if body is None:
            return None
        response = parse_response(body)
        assert response.defect is None, response.defect
        return response

    def create(self, **changes):
        self.nonce = self.world.random.randbytes(32)
        certificate = self.identity.certificate if self.law.secures else None
        me = ApplicationDescription("urn:client", "p", LocalizedText(None, "Client"), 1, None, None, None)
        wish = CreateSessionRequest(me, None, "opc.tcp://gw:4840", "s", self.nonce, certificate, 60_000.0, 0)
        answer = self.ask(wish._replace(**changes))
        if answer is not None and answer.body is not None:
            self.session = answer.body
            self.token = answer.body.token
        return answer

    def activation(self, user=None, password=SECRET, blob=None, algorithm=None):
        signature = SignatureData(None, None)
        if self.law.secures:
            data = self.server.der + self.session.nonce
            signature = SignatureData("alg", signed(self.identity.key, self.law, data))
        token = AnonymousToken("anon")
        if user is not None:
            if blob is None:
                blob, algorithm = self.encrypted(password)
            token = UserNameToken("name", user, blob, algorithm)
        return ActivateSessionRequest(signature, None, None, wrapped(token), SignatureData(None, None))

    def encrypted(self, password, nonce=None):
        law = self.law if self.law.secures else POLICIES[uri("Basic256Sha256")]
        nonce = self.session.nonce if nonce is None else nonce
        return Secret(password.encode(), "", None, NONE, b"", self.server, law, nonce).carried()

    def activate(self, user=None, password=SECRET, **more):
        answer = self.ask(self.activation(user, password, **more))
        if answer is not None and answer.body is not None:
            self.session = self.session._replace(nonce=answer.body.nonce)
        return answer

    def start(self, policy="None", mode=1, user=None):
        """Go all the way to an active session."""
        self.hello().open(policy, mode)
        created = self.create()
        assert created is not None, self.error
        assert created.body is not None, hex(created.fault)
        activated = self.activate(user)
        assert activated is not None, self.error
        assert activated.body is not None, hex(activated.fault)
        return self

    def read(self, *names):
        items = tuple(
            ReadValueId(one if isinstance(one, NodeId) else node(one), 13, None, QualifiedName(0, None))
            for one in names
        )
        return self.ask(ReadRequest(0.0, 3, items))

    def write(self, **values):
        return self.ask(writing(values))

    def call(self, *methods):
        return self.ask(CallRequest(tuple(CallMethod(node("Plant"), node(name), None) for name in methods)))


def writing(values):
    return WriteRequest(
        tuple(
            WriteValue(name if isinstance(name, NodeId) else node(name), 13, None, DataValue(Variant(DOUBLE, value)))
            for name, value in values.items()
        )
    )


class World:
    """One conduit with its device and its clients."""

    def __init__(
        self, ids, client=("None", 1), server=("None", 1), *, mode=Mode.ENFORCE, policy=None, chop=0, **options
    ):
        self.ids = ids
        self.now = START
        self.random = Random(5)
        self.chop = chop
        self.down = ""
        self.holds_jobs = False
        offered = (client,) if isinstance(client[0], str) else client
        self.device = Device(ids["device"], ((uri(server[0]), server[1]),) if server[0] != "None" else ())
        settings = {name: options.pop(name) for name in list(options) if name in UaSettings.__dataclass_fields__}
        ua = UaSettings(
            client_security=tuple((uri(name), mode) for name, mode in offered),
            server_security=(uri(server[0]), server[1]),
            device_url="opc.tcp://d:1",
            **settings,
        )
        policy = policy or a_policy()
        known = options.pop("known", True)
        self.trust = options.pop("trust", OpenTrust())
        conduit = Conduit(
            "ua1", "127.0.0.1", 0, "10.1.0.5", 4840, protocol="opcua", mode=mode, policy=policy, opcua=ua, **options
        )
        legs = Legs(
            ids["gateway"],
            ids["gateway"],
            "urn:gateway",
            "urn:gateway",
            ids["device"].certificate if known and server[0] != "None" else b"",
        )
        self.guard = UaGuard(conduit, Judge(policy), Run("r1"), NodeJudge(policy), legs, self.trust)
        self.peers = []

    def connect(self, address="10.0.0.21"):
        client = Client(address, 4000, self.guard.judge.client(address))
        way = Passed if self.guard.options.way == "passthrough" else Terminated
        talk = way(self.guard, client, self.guard.run.next_flow(), self.now, self.random.randbytes)
        peer = Peer(self, talk, address)
        self.peers.append(peer)
        return peer

    @property
    def records(self):
        return self.guard.run.records

    @property
    def log(self):
        return self.device.log


@pytest.fixture
def world(ids):
    return lambda *given, **options: World(ids, *given, **options)


@pytest.fixture
def ua():
    """The helpers that tests of this folder share."""

    class Helpers:
        pass

    helpers = Helpers()
    helpers.__dict__ |= {
        "node": node,
        "uri": uri,
        "writing": writing,
        "a_policy": a_policy,
        "OpenTrust": OpenTrust,
        "START": START,
        "UaLimits": UaLimits,
        "replace": replace,
        "SERVICES": SERVICES,
        "Resign": Resign,
        "CloseSessionRequest": CloseSessionRequest,
        "CreateSubscriptionRequest": CreateSubscriptionRequest,
        "CreateMonitoredItemsRequest": CreateMonitoredItemsRequest,
        "PublishRequest": PublishRequest,
        "BrowseRequest": BrowseRequest,
        "FindServersRequest": FindServersRequest,
        "GetEndpointsRequest": GetEndpointsRequest,
        "RegisterNodesRequest": RegisterNodesRequest,
    }
    return helpers
