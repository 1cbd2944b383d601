"""Reassembly: bounds count before bytes are kept."""

import pytest

from icsguard.protocols.opcua.chunks import Assembler, Part
from icsguard.protocols.opcua.codec import encoded, shape_of
from icsguard.protocols.opcua.handshake import Error, Limits

REASON = encoded(shape_of(Error), Error(0x80B80000, "too long"))


def part(chunk, body=b"x", request=1):
    return Part(b"MSG", chunk, request, body)


def test_the_bodies_of_a_message_are_put_together():
    assembler = Assembler()
    assert [None, None] == [assembler.add(part(b"C", b"a")), assembler.add(part(b"C", b"b"))]
    assert 2 == assembler.pending
    whole = assembler.add(part(b"F", b"c"))
    assert (b"MSG", 1, b"abc", None, 3) == whole
    assert (b"d", 1, 0) == (assembler.add(part(b"F", b"d", 2)).body, 1, assembler.pending)


def test_an_abort_ends_a_message_with_its_reason():
    assembler = Assembler()
    assembler.add(part(b"C", b"secret"))
    whole = assembler.add(part(b"A", REASON))
    assert (b"", Error(0x80B80000, "too long"), 2) == (whole.body, whole.aborted, whole.chunks)
    assert b"new" == assembler.add(part(b"F", b"new", 2)).body


@pytest.mark.parametrize(
    ("parts", "due"),
    [
        ([part(b"C")] * 4, "chunk-count"),
        ([part(b"C", b"12345"), part(b"F", b"678901")], "chunk-size"),
        ([part(b"F", b"x" * 11)], "chunk-size"),
        ([part(b"C"), part(b"F", request=2)], "chunk-interleaved"),
        ([part(b"C"), part(b"A", b"\0")], "chunk-abort"),
    ],
)
def test_a_breach_is_fatal_and_frees_what_was_held(parts, due):
    assembler = Assembler(Limits(8192, 10, 3))
    assert [None] * len(parts) == [assembler.add(each) for each in parts]
    assert due == assembler.fatal.code
    assert due == "chunk-abort" or 0 == assembler.pending
    assert assembler.add(part(b"F")) is None


def test_a_flood_of_unfinished_chunks_is_cut_at_the_bound():
    assembler = Assembler()
    for _ in range(2_000):
        assembler.add(part(b"C", bytes(60_000)))
    assert "chunk-count" == assembler.fatal.code
    assert 0 == assembler.pending
