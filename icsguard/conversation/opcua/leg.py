"""One leg of a terminating gateway: a connection's chunks become messages, and messages become chunks.

What both legs share is here: framing, order, the channel with its RSA jobs out and back, and the bounds on what is held
meanwhile. `client_leg` and `device_leg` add the two ends of the handshake.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from icsguard.conversation.opcua.api import Work
from icsguard.core.defect import Defect
from icsguard.protocols.opcua.asymmetric import OpenPart, UnsealOpen, open_head
from icsguard.protocols.opcua.channel import Channel
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.defects import defect
from icsguard.protocols.opcua.order import Order
from icsguard.protocols.opcua.order import Stage as Life
from icsguard.protocols.opcua.security import NONE
from icsguard.protocols.opcua.uacp import CHANNEL_HEADER, FINAL, HEADER, MESSAGE, Frame, Framer

MAX_HELD: Final = 262_144  # bytes that wait while an OPN is opened, some milliseconds: four socket reads. More: cut off
Done = Callable[[object, int], None]


class Host(Protocol):
    """What a leg asks of its conversation."""

    def start(self, work: Work, then: Done, now: int) -> None:
        """Run `work` somewhere, then call `then` with its result."""
        ...

    def write(self, data: bytes) -> None:
        """Write to this leg's socket."""
        ...


class Leg:
    """One connection, seen from inside."""

    def __init__(self, host: Host, channel: Channel, *, peer_is_client: bool) -> None:
        self.host = host
        self.channel = channel
        self.order = Order()
        self.fatal: Defect | None = None
        """The peer broke the law: nothing more is taken from it."""
        self.unfinished_since = 0
        """When the oldest bytes came that make no whole message yet; 0 for none."""
        self._peer_is_client = peer_is_client
        self._framer = Framer()
        self._frames: deque[Frame] = deque()
        self._held = 0
        self._is_busy = False
        self._epoch = 0

    @property
    def is_open(self) -> bool:
        """Say whether messages can flow."""
        return self.channel.state == "open"

    @property
    def wants_bytes(self) -> bool:
        """Say whether more bytes of the peer are welcome: not while an OPN of it is being opened."""
        return not self._is_busy

    def feed(self, data: bytes, now: int) -> list[Whole]:
        """Take bytes of the peer; return the messages that they complete. `fatal` says when to stop."""
        if self.fatal is not None:
            return []
        frames = self._framer.feed(data)
        self._frames.extend(frames)
        self._held += sum(len(frame.raw) for frame in frames)
        return self.pump(now)

    @property
    def is_amid(self) -> bool:
        """Say whether a chunk or a message has begun and not ended, or something waits."""
        return bool(
            self._is_busy
            or self._frames
            or self.fatal is not None
            or self._framer.pending
            or self.channel.pending
            or self.order.stage is not Life.OPEN
        )

    def receive(self, raw: bytes, now: int) -> Whole | None:
        """Take one whole MSG chunk of an undisturbed channel."""
        whole = self.channel.receive(
            Frame(raw, MESSAGE, FINAL, int.from_bytes(raw[HEADER:CHANNEL_HEADER], "little")), now
        )
        if isinstance(whole, Defect):
            self.fatal = whole
            return None
        return whole

    def pump(self, now: int) -> list[Whole]:
        """Go on with the chunks that are here, up to the next one that must wait."""
        found: list[Whole] = []
        while self._frames and not self._is_busy and self.fatal is None:
            frame = self._frames.popleft()
            self._held -= len(frame.raw)
            whole = self._take(frame, now)
            if whole is not None:
                found.append(whole)
        if not self._frames and self.fatal is None:
            self.fatal = self._framer.fatal
        elif self._held > MAX_HELD and self.fatal is None:
            self.fatal = defect("chunk-size", f"{self._held} bytes wait behind an OPN")
        if self._framer.pending or self.channel.pending:
            self.unfinished_since = (self.unfinished_since if not found else 0) or now
        else:
            self.unfinished_since = 0
        return found

    def _take(self, frame: Frame, now: int) -> Whole | None:
        fault = self.order.seen(frame.kind, from_client=self._peer_is_client)
        if fault is not None:
            self.fatal = fault
            return None
        if frame.kind in {b"MSG", b"CLO"}:
            whole = self.channel.receive(frame, now)
            if isinstance(whole, Defect):
                self.fatal = whole
                return None
            return whole
        if frame.kind == b"OPN":
            self._unseal(frame, now)
        else:
            self._greeted(frame, now)
        return None

    def _unseal(self, frame: Frame, now: int) -> None:
        job = self._opening(frame, now)
        if isinstance(job, Defect):
            self.fatal = job
            return
        head = open_head(frame)
        if not isinstance(head, Defect) and head[0].policy == NONE.uri:
            self._unsealed(job.run(), frame, now)
            return
        self._is_busy = True
        epoch = self._epoch
        self.host.start(job, lambda result, later: self._back(result, frame, epoch, later), now)

    def _back(self, result: object, frame: Frame, epoch: int, now: int) -> None:
        if epoch != self._epoch:
            return
        self._is_busy = False
        self._unsealed(result, frame, now)

    def _unsealed(self, result: object, frame: Frame, now: int) -> None:
        if isinstance(result, OpenPart):
            self._opened(result, frame, now)
        else:
            self.fatal = result if isinstance(result, Defect) else defect("channel-ciphertext", "the job failed")

    def _sealed(self, result: object, now: int) -> None:
        """Write an OPN of ours and what has waited for it."""
        raw = self.channel.sealed(result, now) if isinstance(result, bytes) else result
        if isinstance(raw, bytes):
            self.host.write(raw)
        else:
            self.fatal = raw if isinstance(raw, Defect) else defect("channel-certificate", "the job failed")

    def seal(self, work: Work, now: int, then: Callable[[int], None] | None = None) -> None:
        """Have an OPN of ours signed, inline where nothing is to be signed."""
        epoch = self._epoch

        def done(result: object, later: int) -> None:
            if epoch == self._epoch:
                self._sealed(result, later)
                if then is not None:
                    then(later)

        if self.channel.policy.secures:
            self.host.start(work, done, now)
        else:
            done(work.run(), now)

    def send(self, kind: bytes, request: int, body: bytes, now: int) -> Defect | None:
        """Send a message; return why the other end cannot take it."""
        raw = self.channel.send(kind, request, body, now)
        if isinstance(raw, Defect):
            return raw
        if raw:
            self.host.write(raw)
        return None

    # The two ends differ in:

    def _greeted(self, frame: Frame, now: int) -> None:
        """Take a HEL, ACK, ERR or RHE."""
        raise NotImplementedError

    def _opening(self, frame: Frame, now: int) -> UnsealOpen | Defect:
        """Return the job that opens an OPN."""
        raise NotImplementedError

    def _opened(self, part: OpenPart, frame: Frame, now: int) -> None:
        """Take an opened OPN."""
        raise NotImplementedError
