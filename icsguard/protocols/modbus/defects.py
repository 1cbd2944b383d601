"""Every way in which a peer can break the Modbus law: one row each, with its clause and its answer.

The codes are part of icsguard's interface: records, rules and tests speak of them. The codec knows no other faults.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from icsguard.core.defect import Defect

ILLEGAL_FUNCTION: Final = 0x01
ILLEGAL_ADDRESS: Final = 0x02
ILLEGAL_VALUE: Final = 0x03
NO_ANSWER: Final = 0

EACH_FUNCTION: Final = "AP §6"
"""Stands for a law that every function's own clause repeats."""


class DefectLaw(NamedTuple):
    """One kind of breach."""

    code: str
    """Stable name."""
    clause: str
    """Where the law stands."""
    meaning: str
    """What a peer did, for people."""
    reply: int = NO_ANSWER
    """Exception code that answers it; 0 where it comes from a device, cannot be answered, or is only remarked."""
    fatal: bool = False
    """True where framing is lost."""


_LAWS: Final = (
    # Framing, from either side.
    DefectLaw("mbap-length", "TCP §3.1.3", "the header's length is outside of 2 to 254: framing is lost", fatal=True),
    DefectLaw("mbap-protocol-id", "TCP §3.1.3", "the protocol identifier is not 0: this is not Modbus, not answered"),
    # RTU frames from a device; without identifiers nothing can be found again.
    DefectLaw("rtu-crc", "SL §2.5.1", "the check sum does not fit", fatal=True),
    DefectLaw("rtu-length", "SL §2.5.1", "the answer announces more than a frame can hold", fatal=True),
    DefectLaw("rtu-function", "AP §4.1", "the answer is to another function than the one asked", fatal=True),
    DefectLaw("rtu-trailing", "SL §2.5.1", "bytes after the end of the answer", fatal=True),
    DefectLaw("rtu-unsolicited", "SL §2.4.1", "bytes while nothing was asked", fatal=True),
    # Requests. Reply 1 before 3 before 2: the order of the state diagrams of AP §6.
    DefectLaw("pdu-function", "AP §4.1", "function code 0 or above 127 in a request", ILLEGAL_FUNCTION),
    DefectLaw("pdu-length", EACH_FUNCTION, "shorter or longer than the function's law allows", ILLEGAL_VALUE),
    DefectLaw(
        "pdu-byte-count", EACH_FUNCTION, "the byte count contradicts the quantity or the real length", ILLEGAL_VALUE
    ),
    DefectLaw("pdu-quantity", EACH_FUNCTION, "the quantity is 0 or above the function's limit", ILLEGAL_VALUE),
    DefectLaw("pdu-coil-value", "AP §6.5", "a single coil is neither 0x0000 nor 0xFF00", ILLEGAL_VALUE),
    DefectLaw("pdu-address", "AP §4.4", "the elements reach beyond address 65535", ILLEGAL_ADDRESS),
    DefectLaw("pdu-diagnostic-data", "AP §6.8.1", "the data field breaks the sub-function's law", ILLEGAL_VALUE),
    DefectLaw("pdu-file-reference", "AP §6.14", "the reference type of a file record is not 6", ILLEGAL_ADDRESS),
    DefectLaw("pdu-file-number", "AP §6.14", "file number 0", ILLEGAL_ADDRESS),
    DefectLaw("pdu-file-record", "AP §6.14", "the records reach beyond 9999", ILLEGAL_ADDRESS),
    DefectLaw("pdu-answer-length", "AP §6.14", "the answer to this request cannot fit into a PDU", ILLEGAL_VALUE),
    DefectLaw("pdu-identification-code", "AP §6.21", "the identification code is not 1 to 4", ILLEGAL_VALUE),
    DefectLaw("pdu-device-limit", "settings", "request or answer exceed the device's `max_pdu`", ILLEGAL_VALUE),
    DefectLaw(
        "pdu-not-framable", "SL §2.5.1", "on RTU: no table says where the function's answer ends", ILLEGAL_FUNCTION
    ),
    DefectLaw("pdu-padding", "AP §6.11", "unused bits of the last byte are not 0 (remarked, never refused)"),
    # Responses, judged against their request. None is ever delivered to a client except the two remarks.
    DefectLaw("response-function", "AP §4.1", "the function code is neither the request's nor its exception"),
    DefectLaw("response-length", EACH_FUNCTION, "shorter or longer than the request allows"),
    DefectLaw("response-byte-count", EACH_FUNCTION, "the byte count contradicts the request or the real length"),
    DefectLaw("response-echo", EACH_FUNCTION, "what the device must repeat differs from the request"),
    DefectLaw("response-status", "AP §6.9", "the status word is neither 0x0000 nor 0xFFFF"),
    DefectLaw("response-count", "AP §6.18", "the queue's count exceeds 31 or contradicts the byte count"),
    DefectLaw("response-file-reference", "AP §6.14", "the reference type of a file response is not 6"),
    DefectLaw("response-identification", "AP §6.21", "the identification objects break their law"),
    DefectLaw("response-not-due", "AP §6.8.1", "an answer to a request that has none (force listen only mode)"),
    DefectLaw("response-exception", "AP §7", "an exception response is not exactly function and a code above 0"),
    DefectLaw("response-exception-code", "AP §7", "an exception code that the specification does not know (remarked)"),
    DefectLaw("response-padding", "AP §6.1", "unused bits of the last byte are not 0 (remarked)"),
    # Pairing of responses with requests.
    DefectLaw("response-unsolicited", "TCP §4.4.1", "no request with this transaction identifier was in flight"),
    DefectLaw("response-late", "TCP §4.4.1", "its transaction had already ended by timeout"),
    DefectLaw("response-duplicate", "TCP §4.4.1", "its transaction had already been answered"),
    DefectLaw("response-mismatch", "TCP §4.4.1", "unit identifier or function differ from the request in flight"),
)

DEFECTS: Final = MappingProxyType({law.code: law for law in _LAWS})
"""Code to law, in the order of the table."""


def defect(code: str, detail: str, clause: str = "") -> Defect:
    """Return the defect `code` with `detail`, a sentence's main part with the numbers in it.

    `clause` is the function's own, for the laws that stand in every function's clause.
    """
    law = DEFECTS[code]
    where = clause if clause and law.clause == EACH_FUNCTION else law.clause
    return Defect(code, f"{detail} ({where})", law.fatal, law.reply)
