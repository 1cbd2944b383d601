"""The StatusCodes that icsguard itself answers or looks at (P6 Annex A, P4 §7)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

GOOD: Final = 0
MAX_STATUS: Final = 0xFFFFFFFF

STATUS: Final = MappingProxyType(
    {
        "Good": GOOD,
        "BadUnexpectedError": 0x80010000,
        "BadCommunicationError": 0x80050000,
        "BadEncodingError": 0x80060000,
        "BadDecodingError": 0x80070000,
        "BadEncodingLimitsExceeded": 0x80080000,
        "BadUnknownResponse": 0x80090000,
        "BadTimeout": 0x800A0000,
        "BadServiceUnsupported": 0x800B0000,
        "BadServerHalted": 0x800E0000,
        "BadNothingToDo": 0x800F0000,
        "BadTooManyOperations": 0x80100000,
        "BadCertificateInvalid": 0x80120000,
        "BadSecurityChecksFailed": 0x80130000,
        "BadCertificateTimeInvalid": 0x80140000,
        "BadCertificateIssuerTimeInvalid": 0x80150000,
        "BadCertificateUriInvalid": 0x80170000,
        "BadCertificateUseNotAllowed": 0x80180000,
        "BadCertificateIssuerUseNotAllowed": 0x80190000,
        "BadCertificateUntrusted": 0x801A0000,
        "BadCertificateRevocationUnknown": 0x801B0000,
        "BadCertificateRevoked": 0x801D0000,
        "BadCertificateIssuerRevoked": 0x801E0000,
        "BadUserAccessDenied": 0x801F0000,
        "BadIdentityTokenInvalid": 0x80200000,
        "BadIdentityTokenRejected": 0x80210000,
        "BadSecureChannelIdInvalid": 0x80220000,
        "BadNonceInvalid": 0x80240000,
        "BadSessionIdInvalid": 0x80250000,
        "BadSessionClosed": 0x80260000,
        "BadSessionNotActivated": 0x80270000,
        "BadIndexRangeInvalid": 0x80360000,
        "BadOutOfRange": 0x803C0000,
        "BadSecurityModeRejected": 0x80540000,
        "BadSecurityPolicyRejected": 0x80550000,
        "BadTooManySessions": 0x80560000,
        "BadWriteNotSupported": 0x80730000,
        "BadTypeMismatch": 0x80740000,
        "BadTooManySubscriptions": 0x80770000,
        "BadTooManyPublishRequests": 0x80780000,
        "BadTcpServerTooBusy": 0x807D0000,
        "BadTcpMessageTypeInvalid": 0x807E0000,
        "BadTcpSecureChannelUnknown": 0x807F0000,
        "BadTcpMessageTooLarge": 0x80800000,
        "BadTcpInternalError": 0x80820000,
        "BadTcpEndpointUrlInvalid": 0x80830000,
        "BadSecureChannelTokenUnknown": 0x80870000,
        "BadSequenceNumberInvalid": 0x80880000,
        "BadRequestTooLarge": 0x80B80000,
        "BadResponseTooLarge": 0x80B90000,
        "BadTooManyMonitoredItems": 0x80DB0000,
        "BadServerTooBusy": 0x80EE0000,
        "BadCertificateChainIncomplete": 0x810D0000,
    }
)
"""Name to code."""

_NAMES: Final = {code: name for name, code in STATUS.items()}
_SEVERITY: Final = ("good", "uncertain", "bad", "bad")


def status_name(code: int) -> str:
    """Return `0x801F0000 BadUserAccessDenied`, or the number alone where this table does not know it."""
    name = _NAMES.get(code)
    return f"0x{code:08X} {name}" if name else f"0x{code:08X}"


def quality(code: int) -> str:
    """Return what the two highest bits say of a value: `good`, `uncertain` or `bad` (P4 §7)."""
    return _SEVERITY[code >> 30 & 3]
