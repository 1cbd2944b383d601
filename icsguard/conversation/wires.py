"""How requests look on a shared link: Modbus/TCP with identifiers of our own, or RTU frames over TCP without any.

Both take whole client ADUs and give back ADUs, so that everything above speaks Modbus/TCP.
"""

from __future__ import annotations

from typing import Protocol

from icsguard.core.defect import Defect
from icsguard.protocols.modbus import rtu
from icsguard.protocols.modbus.mbap import HEADER, Frame, Framer


class Wire(Protocol):
    """One connection's framing. Made anew for each connection."""

    @property
    def fatal(self) -> Defect | None:
        """Why nothing more can be understood; None while all is well."""
        ...

    @property
    def pending(self) -> int:
        """Bytes of an incomplete frame that are held."""
        ...

    def encode(self, tid: int, raw: bytes, *, answer_due: bool) -> bytes:
        """Return what goes out for the client's ADU `raw` under the identifier `tid` of ours."""
        ...

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes. Never raises."""
        ...


class TcpWire:
    """Modbus/TCP: the client's bytes with another transaction identifier."""

    __slots__ = ("_framer",)

    def __init__(self) -> None:
        self._framer = Framer()

    @property
    def fatal(self) -> Defect | None:
        """Why nothing more can be understood."""
        return self._framer.fatal

    @property
    def pending(self) -> int:
        """Bytes of an incomplete ADU that are held."""
        return self._framer.pending

    def encode(self, tid: int, raw: bytes, *, answer_due: bool) -> bytes:
        """Return the ADU under our identifier."""
        del answer_due
        return tid.to_bytes(2) + raw[2:]

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that `data` completes."""
        return self._framer.feed(data)


class RtuWire:
    """RTU over TCP: unit, PDU and check sum; the answer is taken for the one request that is out."""

    __slots__ = ("_framer",)

    def __init__(self) -> None:
        self._framer = rtu.RtuFramer()

    @property
    def fatal(self) -> Defect | None:
        """Why nothing more can be understood."""
        return self._framer.fatal

    @property
    def pending(self) -> int:
        """Bytes of an incomplete frame that are held."""
        return self._framer.pending

    def encode(self, tid: int, raw: bytes, *, answer_due: bool) -> bytes:
        """Return the RTU frame of the client's PDU."""
        pdu = raw[HEADER:]
        if answer_due:
            self._framer.expect(tid, pdu)
        return rtu.encode(raw[HEADER - 1], pdu)

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frame that `data` completes, as an ADU under the identifier of its request."""
        return self._framer.feed(data)
