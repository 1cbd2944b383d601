"""Every way in which a peer can break the OPC UA law: one row each, with its clause and its answer.

The codes are part of icsguard's interface: records, rules and tests speak of them. The codec knows no other faults.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, NamedTuple

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.status import STATUS

_DECODING: Final = STATUS["BadDecodingError"]
_LIMITS: Final = STATUS["BadEncodingLimitsExceeded"]
_TYPE: Final = STATUS["BadTcpMessageTypeInvalid"]
_TOO_LARGE: Final = STATUS["BadTcpMessageTooLarge"]
_CHECKS: Final = STATUS["BadSecurityChecksFailed"]
_POLICY: Final = STATUS["BadSecurityPolicyRejected"]


class DefectLaw(NamedTuple):
    """One kind of breach."""

    code: str
    """Stable name."""
    clause: str
    """Where the law stands; "choice" where the bound is ours."""
    meaning: str
    """What a peer did, for people."""
    reply: int = 0
    """StatusCode that answers it, in a fault or an ERR; 0 where it comes from a device and cannot be answered."""
    fatal: bool = False
    """True where the connection must end."""


_LAWS: Final = (
    # Framing, from either side.
    DefectLaw("uacp-type", "P6 §7.1.2.2", "the message type is none of HEL ACK ERR RHE OPN MSG CLO", _TYPE, fatal=True),
    DefectLaw("uacp-chunk", "P6 §6.7.2.2", "the chunk type is not F, or on MSG not F, C or A", _TYPE, fatal=True),
    DefectLaw(
        "uacp-length",
        "P6 §7.1.2.2",
        "the announced size is below its header or above the limit",
        _TOO_LARGE,
        fatal=True,
    ),
    DefectLaw("uacp-hello", "P6 §7.1.2.3", "the body of HEL, ACK, ERR or RHE breaks its law", _DECODING, fatal=True),
    DefectLaw(
        "uacp-buffer", "P6 §7.1.2.3", "a buffer size below 8192 bytes", STATUS["BadTcpInternalError"], fatal=True
    ),
    DefectLaw(
        "uacp-url",
        "P6 §7.1.2.3",
        "the endpoint URL is 4096 bytes or longer",
        STATUS["BadTcpEndpointUrlInvalid"],
        fatal=True,
    ),
    DefectLaw(
        "uacp-order", "P6 §7.1.3", "a message that may not come at this time, or not from this side", _TYPE, fatal=True
    ),
    # Reassembly.
    DefectLaw("chunk-count", "P6 §7.1.2.3", "a message of more chunks than the limit", _TOO_LARGE, fatal=True),
    DefectLaw("chunk-size", "P6 §7.1.2.3", "a message longer than the limit", _TOO_LARGE, fatal=True),
    DefectLaw(
        "chunk-interleaved", "choice", "a chunk of another request within an unfinished message", _DECODING, fatal=True
    ),
    DefectLaw("chunk-abort", "P6 §6.7.3", "the body of an abort chunk breaks its law", _DECODING, fatal=True),
    # Secure channel.
    DefectLaw("channel-short", "P6 §6.7.2", "a chunk too short for its headers", _DECODING, fatal=True),
    DefectLaw(
        "channel-id",
        "P6 §6.7.2.2",
        "another SecureChannelId than this connection's",
        STATUS["BadTcpSecureChannelUnknown"],
        fatal=True,
    ),
    DefectLaw(
        "channel-token",
        "P6 §6.7.2.3",
        "a TokenId that is unknown, expired or replaced",
        STATUS["BadSecureChannelTokenUnknown"],
        fatal=True,
    ),
    DefectLaw(
        "channel-sequence",
        "P6 §6.7.2.4",
        "a sequence number that is not the next one",
        STATUS["BadSequenceNumberInvalid"],
        fatal=True,
    ),
    DefectLaw("channel-signature", "P6 §6.7.6", "the signature is wrong", _CHECKS, fatal=True),
    DefectLaw("channel-ciphertext", "P6 §6.7.2.5", "the encrypted part cannot be decrypted", _CHECKS, fatal=True),
    DefectLaw("channel-padding", "P6 §6.7.2.5", "the padding breaks its law", _CHECKS, fatal=True),
    DefectLaw(
        "channel-policy",
        "P7 §6.6",
        "a security policy that is unknown, deprecated or not this channel's",
        _POLICY,
        fatal=True,
    ),
    DefectLaw(
        "channel-mode",
        "P4 §7",
        "a security mode that its policy does not have",
        STATUS["BadSecurityModeRejected"],
        fatal=True,
    ),
    DefectLaw(
        "channel-certificate",
        "P6 §6.2",
        "a certificate that is missing, unreadable, too long or of a wrong key",
        STATUS["BadCertificateInvalid"],
        fatal=True,
    ),
    DefectLaw(
        "channel-thumbprint", "P6 §6.7.2.3", "the receiver's thumbprint is not of our certificate", _CHECKS, fatal=True
    ),
    DefectLaw(
        "channel-nonce",
        "P4 §5.5.2",
        "a nonce of a wrong length, or the one before",
        STATUS["BadNonceInvalid"],
        fatal=True,
    ),
    DefectLaw("channel-lifetime", "choice", "a token lifetime outside of the permitted range", _CHECKS, fatal=True),
    DefectLaw("channel-renewal", "P4 §5.5.2", "an Issue on an open channel, or a Renew on none", _CHECKS, fatal=True),
    DefectLaw("channel-closed", "P4 §5.5.3", "a chunk on a channel that is not open", _CHECKS, fatal=True),
    DefectLaw("channel-backlog", "choice", "more messages wait for a renewal than the limit", _CHECKS, fatal=True),
    # Codec: within a message, so framing stays.
    DefectLaw("codec-short", "P6 §5.2", "the bytes end within a value", _DECODING),
    DefectLaw("codec-trailing", "P6 §5.2", "bytes are left after the last field", _DECODING),
    DefectLaw("codec-length", "P6 §5.2.2.4", "a length below -1", _DECODING),
    DefectLaw("codec-string", "choice", "a string longer than the limit", _LIMITS),
    DefectLaw("codec-utf8", "P6 §5.2.2.4", "a string that is not UTF-8", _DECODING),
    DefectLaw("codec-count", "choice", "more elements than the limit, or than bytes are left", _LIMITS),
    DefectLaw("codec-depth", "P6 §5.2.2.12", "values nested deeper than the limit", _LIMITS),
    DefectLaw("codec-mask", "P6 §5.2.2", "an encoding byte or mask with undefined bits", _DECODING),
    DefectLaw("codec-type", "P6 §5.2.2.16", "a Variant of an undefined type", _DECODING),
    DefectLaw(
        "codec-nested", "P6 §5.2.2.16", "a scalar Variant in a Variant, or a DataValue in a DataValue", _DECODING
    ),
    DefectLaw(
        "codec-dimensions", "P6 §5.2.2.16", "array dimensions without array, or that contradict its length", _DECODING
    ),
    # Services.
    DefectLaw(
        "service-type", "P6 §6.7.2", "the message does not begin with a type id of this protocol's own", _DECODING
    ),
    DefectLaw("service-unknown", "P4 §5", "a service that icsguard does not know", STATUS["BadServiceUnsupported"]),
    DefectLaw("service-direction", "P4 §5", "a response where a request is due, or the other way round", _DECODING),
    # Pairing of responses with requests.
    DefectLaw("request-repeated", "P6 §6.7.2.4", "its RequestId is in flight already", STATUS["BadTcpInternalError"]),
    DefectLaw("request-overflow", "choice", "more requests in flight than the limit", STATUS["BadTooManyOperations"]),
    DefectLaw(
        "publish-overflow",
        "choice",
        "more Publish requests waiting than the limit",
        STATUS["BadTooManyPublishRequests"],
    ),
    DefectLaw("response-unsolicited", "P6 §6.7.2.4", "no request with this RequestId was in flight"),
    DefectLaw("response-late", "P6 §6.7.2.4", "its request had already ended by timeout"),
    DefectLaw("response-duplicate", "P6 §6.7.2.4", "its request had already been answered"),
    DefectLaw("response-service", "P4 §5.3", "the response is neither of the request's service nor a ServiceFault"),
    DefectLaw("response-handle", "P4 §7", "the RequestHandle is not the request's (remarked)"),
    DefectLaw("response-results", "P4 §5.3", "not one result for each item of the request"),
)

DEFECTS: Final = MappingProxyType({law.code: law for law in _LAWS})
"""Code to law, in the order of the table."""


def defect(code: str, detail: str) -> Defect:
    """Return the defect `code` with `detail`, a sentence's main part with the numbers in it."""
    law = DEFECTS[code]
    return Defect(code, f"{detail} ({law.clause})", law.fatal, law.reply)
