"""The scales on which icsguard decides: decisions, modes, rule states, layers and failure policies."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Decision(IntEnum):
    """What should happen to a transaction; the worst of several opinions is their `max`."""

    ALLOW = 0
    ALERT = 1
    HOLD = 2
    REFUSE = 3
    ISOLATE = 4


class Mode(StrEnum):
    """How far a conduit acts on its decisions. All three use the same decision function."""

    LEARN = "learn"
    """Forward what is well framed, keep the traffic for `icsguard learn`."""
    OBSERVE = "observe"
    """Forward what is well framed, record what would have been done."""
    ENFORCE = "enforce"
    """Do it."""


class RuleState(StrEnum):
    """How far one rule is trusted, whatever the conduit's mode."""

    OFF = "off"
    OBSERVE = "observe"
    """A breach is recorded as `would_be` and passes."""
    ALERT = "alert"
    """A breach passes with an alert."""
    ENFORCE = "enforce"


class Layer(StrEnum):
    """Which part of the gateway formed an opinion, in the order in which they are asked."""

    GRAMMAR = "grammar"
    """The bytes break the protocol's own law."""
    OPERATOR = "operator"
    """A human decided: isolation, ticket, grant."""
    RESOURCES = "resources"
    """A named bound was reached: rate, table, queue."""
    POLICY = "policy"
    """The rules and the limits of points."""
    CONSEQUENCE = "consequence"
    """The twin rolled the command out and saw harm."""
    IMAGE = "image"
    """What devices say contradicts what was written or said before."""
    SEQUENCE = "sequence"
    """Requests in an order or rhythm that this conversation never had."""
    TWIN = "twin"
    """Values that the process cannot have."""
    MODEL = "model"
    """A trained model finds the flow unusual."""
    FAILOVER = "failover"
    """A part of icsguard itself did not answer; the declared failure policy spoke."""


class FailurePolicy(StrEnum):
    """What a conduit does with an allowed write when the shadow gives no opinion in time."""

    POLICY_ALONE = "policy_alone"
    """Policy already allowed it: forward, record, alarm. The default: production goes on."""
    REFUSE = "refuse"
    """Fail closed (IEC 62443-4-2 NDR 5.2 RE3): refuse writes until the shadow is back."""
