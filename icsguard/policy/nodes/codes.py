"""Every reason code of policy on nodes with its usual StatusCode and meaning, for the reference page and `explain`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from icsguard.protocols.opcua.status import STATUS

_DENIED: Final = STATUS["BadUserAccessDenied"]
_RANGE: Final = STATUS["BadOutOfRange"]
_TYPE: Final = STATUS["BadTypeMismatch"]
_PARTS: Final = STATUS["BadWriteNotSupported"]
_TOKEN: Final = STATUS["BadIdentityTokenRejected"]
BUSY: Final = STATUS["BadServerTooBusy"]

CODES: Final = MappingProxyType(
    {
        "security-policy": (STATUS["BadSecurityPolicyRejected"], "the channel's security policy is below the floor"),
        "security-mode": (STATUS["BadSecurityModeRejected"], "the channel's security mode is below the floor"),
        "anonymous": (_TOKEN, "a session without a user, where none is admitted"),
        "password-unsecured": (_TOKEN, "a password shown on a channel without security"),
        "identity-unknown": (_DENIED, "no rule speaks of this client, certificate or user"),
        "service-unknown": (
            STATUS["BadServiceUnsupported"],
            "a service that icsguard does not know or cannot look into",
        ),
        "service-not-permitted": (STATUS["BadServiceUnsupported"], "no rule lets this client use this service"),
        "node-not-permitted": (_DENIED, "rules permit the service, but not on this node"),
        "node-unresolved": (_DENIED, "the node's namespace URI is not known, so no rule can name it"),
        "attribute-not-permitted": (_DENIED, "rules reach the node, but not this attribute of it"),
        "method-not-permitted": (_DENIED, "no rule lets this client call this method on this object"),
        "denied-by-rule": (_DENIED, "a deny rule names it"),
        "outside-hours": (_DENIED, "the rule that would permit it does not hold at this hour"),
        "value-outside-rule": (_RANGE, "outside the rule's own min and max"),
        "value-above-max": (_RANGE, "larger than the point's max"),
        "value-below-min": (_RANGE, "smaller than the point's min"),
        "value-not-allowed": (_RANGE, "not one of the point's allowed values"),
        "bit-not-writable": (_RANGE, "a bit outside the point's mask would or could change"),
        "not-a-number": (_RANGE, "NaN or infinity"),
        "value-unknown": (_RANGE, "the step depends on a present value that is not known or too old"),
        "step-too-large": (_RANGE, "further from the present value than max_step"),
        "rate-of-change": (_RANGE, "moved further in the last minute than max_rate permits"),
        "interval": (_RANGE, "written again before min_interval is over"),
        "type-mismatch": (_TYPE, "not of the point's type, or nothing that its limits can be compared with"),
        "value-opaque": (_TYPE, "a structure or no value at all: it is not looked into"),
        "value-hidden": (_RANGE, "a limited point changed by a way that does not show its value (HistoryUpdate)"),
        "value-stamped": (_PARTS, "status or time written with the value"),
        "partial-write": (_PARTS, "a part of an array is written"),
        "argument-missing": (_RANGE, "a method is called without an argument that its rule limits"),
        "argument-outside": (_RANGE, "an argument outside what its rule permits"),
        "rate-exceeded": (BUSY, "the client sends more than the rule's rate"),
        "too-many": (STATUS["BadTooManyOperations"], "more items, nodes or steps in one request than the limit"),
        "too-many-sessions": (STATUS["BadTooManySessions"], "more sessions of one client than the limit"),
        "too-many-subscriptions": (STATUS["BadTooManySubscriptions"], "more subscriptions of a session than the limit"),
        "too-many-items": (STATUS["BadTooManyMonitoredItems"], "more monitored items than the limit"),
        "too-many-publishes": (STATUS["BadTooManyPublishRequests"], "more waiting Publish requests than the limit"),
        "too-fast": (_RANGE, "a publishing or sampling interval below the floor"),
        "too-long": (_RANGE, "a queue or a lifetime above the limit"),
        "held-by-rule": (BUSY, "a human must approve it; a ticket is open"),
        "alert-by-rule": (0, "permitted, and worth an alert"),
    }
)
"""Code to usual StatusCode (0: none) and meaning."""


def reply_of(code: str) -> int:
    """Return the usual StatusCode of a reason."""
    return CODES[code][0]
