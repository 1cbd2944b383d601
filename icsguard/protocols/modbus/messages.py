"""A parsed request and a parsed response: what the codec makes of a PDU, made once per frame and so NamedTuples."""

from __future__ import annotations

from typing import NamedTuple

from icsguard.core.defect import Defect
from icsguard.core.meaning import Access, Change


class Request(NamedTuple):
    """What a client asks for."""

    function: int
    sub: int
    """Sub-function of 8, MEI type of 43; -1 elsewhere."""
    unit: int
    accesses: tuple[Access, ...]
    """Every run read or written, writes first where the device does them first (23). Empty for a defective request."""
    changes: tuple[Change, ...]
    """Every value that would be written to coils and holding registers. Empty for a defective request."""
    extra: bytes
    """What follows the function code (and sub-function or MEI type), where no access or change holds it already."""
    defect: Defect | None
    """Its breach of the law, with the exception code that answers it (`reply`, never 0)."""
    remark: Defect | None = None
    """A breach that is worth an alert and never a refusal (padding bits)."""
    pdu: bytes = b""
    """The PDU as received."""


class Response(NamedTuple):
    """What a device answered."""

    function: int
    """The request's function code; the exception bit is taken off."""
    exception: int
    """Exception code; 0 for a normal response."""
    values: tuple[int, ...] | None
    """Words or bits that were read (20: of all sub-requests in order), exactly as many as asked for. None elsewhere.

    Under the quirk `echo_differs` an acknowledged single write (5, 6) holds here what the device says it wrote.
    """
    defect: Defect | None
    """Why it must not be delivered."""
    remark: Defect | None = None
    """A breach that is worth an alert only (padding bits, an exception code that no text knows)."""
