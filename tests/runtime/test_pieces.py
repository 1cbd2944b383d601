import asyncio
import gc
import mmap
import os
import weakref
from dataclasses import replace

import msgspec
import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.policy.rules import Policy, Rule, Service
from icsguard.runtime import pieces
from icsguard.runtime.pieces import assembled, collector_rests, cut, first, in_pieces, let_go
from icsguard.runtime.tasks import spawn

MANY = 3 * pieces.AT_ONCE + 1


def made(rules=MANY, points=MANY):
    policy = Policy(
        digest="d",
        rules=tuple(Rule(f"r{number}", services=(Service(3),)) for number in range(rules)),
        points=tuple(Point(f"p{number}", 1, Table.HOLDING, number) for number in range(points)),
    )
    one = Conduit("one", "127.0.0.1", 15_020, "127.0.0.1", 15_021, policy=policy)
    others = replace(one, name="two", policy=Policy()), replace(one, name="three", policy=replace(policy, points=()))
    return Settings(GatewaySettings(), conduits=(one, *others))


def frames(settings):
    return memoryview(cut(settings, msgspec.msgpack.encode(settings)))


@pytest.mark.parametrize("count", [0, 1, pieces.AT_ONCE, pieces.AT_ONCE + 1, MANY])
async def test_what_was_cut_is_put_together_in_its_order(count):
    settings = made(count, count)
    assert settings == await assembled(frames(settings))


def test_the_whole_comes_first():
    settings = made()
    assert msgspec.msgpack.encode(settings) == first(frames(settings))


async def test_settings_that_are_cut_off_anywhere_are_an_error():
    data = frames(made(2, 1))
    ends = [at for at in range(0, len(data), 7) if at not in _borders(data)]
    for end in ends:
        with pytest.raises((ValueError, msgspec.MsgspecError)):
            await assembled(data[:end])


def _borders(data):
    """Return where a frame ends."""
    at, found = 0, set()
    while at < len(data):
        at += 4 + int.from_bytes(data[at : at + 4])
        found.add(at)
    return found


async def test_long_work_lets_others_have_their_turns(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_NS", -1)
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = spawn(others(), "others")
    await in_pieces(range(5))
    counting.cancel()
    assert turns >= 5


async def test_short_work_takes_no_pause(monkeypatch):
    monkeypatch.setattr(pieces, "PIECE_NS", 10**12)
    monkeypatch.setattr(pieces.asyncio, "sleep", None)
    await in_pieces(range(5))


class Thing:
    """Something that is let go."""


async def test_everything_is_let_go():
    things = [Thing() for _ in range(2 * pieces.LET_GO + 3)]
    watched = [weakref.ref(thing) for thing in things]
    await let_go(things)
    assert [None] * len(watched) == [ref() for ref in watched]


def test_the_collector_rests_and_works_again_whatever_happens():
    def work():
        with collector_rests():
            assert not gc.isenabled()
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert gc.isenabled()


async def test_a_copy_is_the_same_bytes_and_its_own():
    source = bytearray(range(256)) * 4096
    copy = await pieces.copied(memoryview(source))
    assert source == copy
    source[0] = 99
    assert 0 == copy[0]


async def test_a_copy_of_nothing_is_nothing():
    assert b"" == await pieces.copied(memoryview(b""))


async def test_the_memory_of_an_output_is_given_back():
    size = 3 * pieces.PAGES + 17
    descriptor = os.memfd_create("output")
    os.write(descriptor, b"x" * size)
    await pieces.wiped(memoryview(mmap.mmap(descriptor, size)).toreadonly())
    assert 0 == os.fstat(descriptor).st_blocks
    assert bytes(size) == os.pread(descriptor, size, 0)
    os.close(descriptor)


async def test_an_empty_output_has_nothing_to_give_back():
    await pieces.wiped(memoryview(b""))
