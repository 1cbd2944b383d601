"""Long work in the gateway's loop, done in short pieces with pauses: settings taken in, filed, and let go.

A thread would not do: while it has Python's lock the loop stands still, for as long as the system lets that thread
sleep. A few hundred microseconds of work and a pause of a millisecond delay nobody, and the core is free in between for
whoever else needs it.
"""

from __future__ import annotations

import asyncio
import gc
import mmap
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, TypeVar

import msgspec

from icsguard.config.settings import Conduit, Settings
from icsguard.core.clock import US
from icsguard.core.point import Point
from icsguard.policy.rules import Rule

AT_ONCE: Final = 16
"""Rules or points in one piece: about 0.1 ms to decode."""
PIECE_NS: Final = 250 * US
"""Work without a pause."""
PAUSE_S: Final = 0.001
"""No shorter one is to be had from the loop's timers."""
LET_GO: Final = 64
"""Objects freed in a row: some 30 us."""
PAGES: Final = 64 * 1024
"""Bytes copied in a row: some 50 us where the memory is touched for the first time."""
_Item = TypeVar("_Item")
_LENGTH: Final = 4
"""Bytes of a frame's length, big-endian."""


class Breath:
    """Tells long work when to pause."""

    def __init__(self) -> None:
        self._since = time.perf_counter_ns()

    @property
    def is_due(self) -> bool:
        """Say whether it is time for a pause."""
        return time.perf_counter_ns() - self._since > PIECE_NS

    async def take(self) -> None:
        """Pause."""
        await pause()
        self._since = time.perf_counter_ns()


async def pause() -> None:
    """Let everybody else have their turns."""
    await asyncio.sleep(PAUSE_S)


async def in_pieces(steps: Iterable[object]) -> None:
    """Take all steps, with pauses."""
    breath = Breath()
    for _ in steps:
        if breath.is_due:
            await breath.take()


async def let_go(remains: list[object]) -> None:
    """Free what nobody else holds any more, with pauses: ten thousand rules at once take four milliseconds."""
    breath = Breath()
    while remains:
        del remains[-LET_GO:]
        if breath.is_due:
            await breath.take()


async def copied(source: memoryview) -> bytearray:
    """Return a copy, made with pauses: the pages of some megabytes, first touched, take milliseconds."""
    copy, breath = bytearray(), Breath()
    for at in range(0, len(source), PAGES):
        copy += source[at : at + PAGES]
        if breath.is_due:
            await breath.take()
    return copy


async def wiped(source: memoryview) -> None:
    """Give the memory back where a program's output lies, with pauses; it holds nothing any more then."""
    pages, breath = source.obj, Breath()
    if not isinstance(pages, mmap.mmap):
        return
    for at in range(0, len(pages), PAGES):
        pages.madvise(mmap.MADV_REMOVE, at, min(PAGES, len(pages) - at))
        if breath.is_due:
            await breath.take()


@contextmanager
def collector_rests() -> Iterator[None]:
    """Keep the garbage collector off meanwhile: it would look at everything that is new again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Piece(msgspec.Struct, array_like=True, frozen=True):
    """Some of the rules or points of one conduit."""

    conduit: int
    """Its place among the conduits."""
    rules: tuple[Rule, ...] = ()
    points: tuple[Point, ...] = ()


def cut(settings: Settings, packed: bytes) -> bytes:
    """Return settings for `first` and `assembled`: as a whole, then without rules and points, then these, in frames."""
    bare = tuple(_with(conduit, (), ()) for conduit in settings.conduits)
    parts = [packed, msgspec.msgpack.encode(replace(settings, conduits=bare))]
    for number, conduit in enumerate(settings.conduits):
        rules, points = conduit.policy.rules, conduit.policy.points
        parts += [_packed(number, rules=some) for some in _some(rules)]
        parts += [_packed(number, points=some) for some in _some(points)]
    return b"".join(len(part).to_bytes(_LENGTH) + part for part in parts)


def first(frames: memoryview) -> memoryview:
    """Return the settings as a whole. Raises ValueError."""
    length = int.from_bytes(frames[:_LENGTH])
    if len(frames) < _LENGTH + length:
        raise ValueError("the settings are cut off")
    return frames[_LENGTH : _LENGTH + length]


async def assembled(frames: memoryview) -> Settings:
    """Return the settings, put together in pieces. Raises ValueError, msgspec.MsgspecError."""
    parts = _parts(frames, len(first(frames)) + _LENGTH)
    bare = msgspec.msgpack.decode(next(parts, b""), type=Settings)
    rules: list[list[Rule]] = [[] for _ in bare.conduits]
    points: list[list[Point]] = [[] for _ in bare.conduits]
    breath = Breath()
    for part in parts:
        piece = msgspec.msgpack.decode(part, type=_Piece)
        rules[piece.conduit].extend(piece.rules)
        points[piece.conduit].extend(piece.points)
        if breath.is_due:
            await breath.take()
    return replace(
        bare,
        conduits=tuple(_with(*one) for one in zip(bare.conduits, map(tuple, rules), map(tuple, points), strict=True)),
    )


def _with(conduit: Conduit, rules: tuple[Rule, ...], points: tuple[Point, ...]) -> Conduit:
    return replace(conduit, policy=replace(conduit.policy, rules=rules, points=points))


def _packed(conduit: int, *, rules: Sequence[Rule] = (), points: Sequence[Point] = ()) -> bytes:
    return msgspec.msgpack.encode(_Piece(conduit, tuple(rules), tuple(points)))


def _some(many: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (many[at : at + AT_ONCE] for at in range(0, len(many), AT_ONCE))


def _parts(frames: memoryview, at: int) -> Iterator[memoryview]:
    while at < len(frames):
        length = int.from_bytes(frames[at : at + _LENGTH])
        at += _LENGTH + length
        if at > len(frames):
            raise ValueError("the settings are cut off")
        yield frames[at - length : at]
