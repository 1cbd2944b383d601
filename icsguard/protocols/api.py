"""The seam between protocols and all that works on any of them: what every protocol can say of a frame's bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from icsguard.core.defect import Defect
from icsguard.core.meaning import Meaning


class RawFrame(Protocol):
    """One protocol unit as received."""

    @property
    def raw(self) -> bytes:
        """All its bytes, unchanged."""
        ...

    @property
    def defect(self) -> Defect | None:
        """Its breach of the framing law, if any."""
        ...


class Framing(Protocol):
    """Cuts one direction of one connection into frames. Bounded; never raises."""

    fatal: Defect | None
    """Set once framing is lost."""

    @property
    def pending(self) -> int:
        """Bytes held of an incomplete frame."""
        ...

    def feed(self, data: bytes) -> Sequence[RawFrame]:
        """Return the frames that `data` completes."""
        ...


@dataclass(frozen=True, slots=True)
class Codec:
    """One protocol, as far as its neighbours need to know it. All functions take one whole frame's bytes."""

    name: str
    title: str
    port: int
    """Registered TCP port."""
    max_pending: int
    """Most bytes that its framing ever holds."""
    framing: Callable[[], Framing]
    meaning: Callable[[bytes], Meaning]
    describe: Callable[[bytes], str]
    """The request in one line for people."""
    target: Callable[[bytes], str]
    """What the request touches, empty where nothing."""
    defect: Callable[[bytes], Defect | None]
    """The request's breach of the law, if any."""
    refuse: Callable[[bytes, int], bytes]
    """The answer that refuses a request, with a protocol code."""
