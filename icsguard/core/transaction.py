"""One request with its response and fate: the event that is mirrored to shadow, recorder and learning."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from icsguard.core.decision import Decision
from icsguard.core.finding import Finding


class Outcome(IntEnum):
    """How a transaction ended. Each request ends in exactly one."""

    ANSWERED = 0
    """The device's normal response was delivered."""
    EXCEPTION = 1
    """The device's exception response was delivered."""
    REFUSED = 2
    """icsguard answered; the device never saw the request."""
    UNREACHABLE = 3
    """No path to the device (0x0A); the request was never handed over."""
    TIMED_OUT = 4
    """The device did not answer in time (0x0B); a read, so nothing changed."""
    UNKNOWN = 5
    """A write was handed over and no valid response came: it may have happened (0x0B)."""
    NO_ANSWER_DUE = 6
    """Forwarded, and the protocol defines no answer (broadcast, FC08 sub-function 4)."""
    DROPPED = 7
    """Not Modbus (protocol identifier), discarded without an answer."""
    ABANDONED = 8
    """The client left before the answer."""


class Transaction(NamedTuple):
    """One finished transaction, raw bytes kept."""

    number: int
    conduit: str
    flow: int
    client: str
    """The client's IP address as text."""
    request_at: int
    response_at: int
    """0 where no response came."""
    request: bytes
    """The ADU as the client sent it."""
    response: bytes
    """The ADU as the device sent it; empty where none came."""
    decision: int
    """A `Decision`, as acted upon."""
    outcome: int
    """An `Outcome`."""


class Question(NamedTuple):
    """May this write go? Asked by the gateway, answered by the shadow with an `Opinion`."""

    number: int
    """The transaction's number."""
    conduit: str
    flow: int
    client: str
    asked_at: int
    request: bytes
    """The ADU whose bytes will be forwarded if the answer is yes."""


class Opinion(NamedTuple):
    """The shadow's answer to a `Question`."""

    number: int
    decision: Decision
    findings: tuple[Finding, ...]
    model_digest: str
    """Which models spoke (first 12 hex digits of SHA-256), for the record."""
