"""What can be seen of a channel between two others, without any key: the gateway's eyes where it does not terminate.

Under None all is clear; under Sign the bodies are, before a signature that nobody in the middle can renew; under
SignAndEncrypt only headers are. Sign and SignAndEncrypt look alike until the client's first message, because an OPN is
encrypted under both: that message tells.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import open_head, policy_of
from icsguard.protocols.opcua.certificates import Certificate, certificate_of
from icsguard.protocols.opcua.chunks import Assembler, Part, Whole
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.handshake import OUR_LIMITS, Limits
from icsguard.protocols.opcua.security import NONE, SIGNATURE, PolicyLaw, SecurityMode
from icsguard.protocols.opcua.services import peek
from icsguard.protocols.opcua.symmetric import SECURED_FROM, SEQUENCE_HEADER
from icsguard.protocols.opcua.uacp import FINAL, HEADER, MESSAGE, MORE, OPEN, Frame, chunk_of

_TWO: Final = Struct("<II")
FIRST_SERVICES: Final = frozenset((422, 428, 461, 467))
"""FindServers, GetEndpoints, CreateSession, ActivateSession: with one of them every channel begins."""


class Watch:
    """What one connection's chunks tell, in both directions."""

    __slots__ = ("_from_client", "_from_device", "client", "mode", "policy", "uri")

    def __init__(self, requests: Limits = OUR_LIMITS, responses: Limits = OUR_LIMITS) -> None:
        self.policy: PolicyLaw = NONE
        self.uri = ""
        """The policy URI as it was sent; the sender's own text."""
        self.mode: SecurityMode | None = SecurityMode.NONE
        """None while Sign and SignAndEncrypt cannot be told apart yet."""
        self.client: Certificate | Defect | None = None
        """The client's certificate, None under policy None."""
        self._from_client = Assembler(requests)
        self._from_device = Assembler(responses)

    @property
    def is_readable(self) -> bool:
        """Say whether contents are inspected; every view must say so where they are not."""
        return self.mode in {SecurityMode.NONE, SecurityMode.SIGN}

    def agree(self, requests: Limits) -> None:
        """Take requests within other bounds from now on."""
        self._from_client.limits = requests

    @property
    def pending(self) -> int:
        """Bytes of an unfinished request that are held."""
        return self._from_client.pending

    def opened(self, frame: Frame, *, from_client: bool) -> Defect | None:
        """Look at an OPN chunk: return why its policy cannot be followed."""
        found = open_head(frame)
        if isinstance(found, Defect):
            return found
        head, _ = found
        policy = policy_of(head.policy)
        self.uri = head.policy or ""
        if isinstance(policy, Defect):
            self.mode = SecurityMode.SIGN_AND_ENCRYPT  # unknown: nothing of it may be believed
            return policy
        if policy is not self.policy:
            self.policy, self.mode = policy, None if policy.secures else SecurityMode.NONE
        if from_client and policy.secures:
            self.client = certificate_of(head.certificate)
            return self.client if isinstance(self.client, Defect) else None
        return None

    def seen(self, frame: Frame, *, from_client: bool) -> Whole | Defect | None:
        """Take a MSG or CLO chunk; return the message that it completes, None where contents are not readable."""
        if self.mode is None and from_client:
            self.mode = self._told(frame)
        if not self.is_readable:
            return None
        end = len(frame.raw) - (SIGNATURE if self.mode is SecurityMode.SIGN else 0)
        _, request = _TWO.unpack_from(frame.raw, SECURED_FROM)
        body = frame.raw[SECURED_FROM + SEQUENCE_HEADER : end]
        assembler = self._from_client if from_client else self._from_device
        if frame.chunk == FINAL and assembler.takes_alone(body):
            return Whole(frame.kind, request, body, None, 1)
        whole = assembler.add(Part(frame.kind, frame.chunk, request, body))
        return assembler.fatal or whole

    def _told(self, frame: Frame) -> SecurityMode:
        begins = peek(frame.raw[SECURED_FROM + SEQUENCE_HEADER :]) in FIRST_SERVICES
        return SecurityMode.SIGN if begins else SecurityMode.SIGN_AND_ENCRYPT


def sequence_offset(frame: Frame) -> int | Defect:
    """Return where the sequence number of a chunk under policy None stands: what a renumbering rewrites."""
    if frame.kind != OPEN:
        return SECURED_FROM
    found = open_head(frame)
    return found if isinstance(found, Defect) else found[1]


def clear_chunks(like: bytes, request: int, body: bytes, limits: Limits = OUR_LIMITS) -> list[bytes] | Defect:
    """Return an edited or forged message under policy None, on the channel and token of the MSG chunk `like`.

    Sequence numbers are 0: `sequence.Relay.inserted` stamps each chunk when it leaves. A message that the receiver does
    not take is a defect (`chunk-size`, `chunk-count`).
    """
    room = limits.chunk - SECURED_FROM - SEQUENCE_HEADER
    pieces = [body[at : at + room] for at in range(0, len(body), room)] or [b""]
    if len(body) > limits.message:
        return defect("chunk-size", f"{len(body)} bytes, the other end takes {limits.message}")
    if len(pieces) > limits.chunks:
        return defect("chunk-count", f"{len(pieces)} chunks, the other end takes {limits.chunks}")
    ids = like[HEADER:SECURED_FROM] + _TWO.pack(0, request)
    *more, last = pieces
    return [chunk_of(MESSAGE, MORE, ids + piece) for piece in more] + [chunk_of(MESSAGE, FINAL, ids + last)]
