"""A breach: the reason why a value may not be put into a point, whatever the protocol that carries it."""

from __future__ import annotations

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.point import Point
from icsguard.core.verdict import Reason
from icsguard.policy.techniques import BRUTE_FORCE_IO, MANIPULATION, MODIFY_PARAMETER


def breach(
    code: str,
    text: str,
    point: Point,
    reply: int,
    technique: str = MODIFY_PARAMETER,
    *,
    value: float | None = None,
    limit: float | None = None,
) -> Reason:
    """Return a refusal over a point's value; `reply` is the protocol's answer."""
    return Reason(
        Layer.POLICY,
        code,
        text,
        Decision.REFUSE,
        technique=technique,
        point=point.name,
        value=value,
        limit=limit,
        reply=reply,
    )


def too_soon(point: Point, where: str, since_ns: int, reply: int) -> Reason:
    """Return a breach of the shortest interval between two writes; `since_ns`: since the last one."""
    shortest = point.limits.min_interval_ns / SECOND
    text = f"{where} was written {since_ns / SECOND:.3g} s ago, its shortest interval is {shortest:g} s"
    return breach("interval", text, point, reply, BRUTE_FORCE_IO, limit=shortest)


def wrong_bits(point: Point, where: str, bits: int, mask: int, reply: int) -> Reason:
    """Return a breach of the mask of bits that may change."""
    text = f"{where}: bits 0x{bits:04X} may not be changed, only 0x{mask:04X}"
    return breach("bit-not-writable", text, point, reply)


def too_fast(point: Point, where: str, path: str, value: float, reply: int) -> Reason:
    """Return a breach of the rate of change; `path`: from which value to which."""
    most = point.limits.max_rate
    text = f"{where} would move from {path}, more in a minute than its {most:g} {point.unit}/s permit"
    return breach("rate-of-change", text, point, reply, MANIPULATION, value=value, limit=most)
