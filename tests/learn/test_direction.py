from collections import Counter

import pytest

from icsguard.learn.direction import MAX_UNDECIDED, Directions, looks_like_modbus, shape_of
from icsguard.learn.reassembly import Reassembly
from icsguard.protocols.modbus import build

READ = build.adu(1, 1, build.read(3, 0, 2))
READ_ANSWER = build.adu(1, 1, bytes((3, 4, 0, 1, 0, 2)))
WRITE = build.adu(2, 1, build.write_register(5, 9))


@pytest.fixture
def counts():
    return Counter()


@pytest.fixture
def wires(counts):
    def play(segments, ports=frozenset({502})):
        reassembly, directions = Reassembly(counts), Directions(ports, counts)
        found = [wire for segment in segments for piece in reassembly.feed(segment) for wire in directions.feed(piece)]
        return found + directions.rest()

    return play


def sides(wires) -> list[tuple[bool, bytes]]:
    return [(wire.from_client, wire.data) for wire in wires if wire.data]


def test_who_sent_the_syn_is_the_client(wires, dialogue):
    dialogue.open().ask(READ).answer(READ_ANSWER)
    found = wires(dialogue.segments)
    assert [(True, READ), (False, READ_ANSWER)] == sides(found)
    assert {(dialogue.client, dialogue.device)} == {(wire.client, wire.device) for wire in found}


def test_who_took_the_call_is_the_device_even_where_the_syn_is_missing(wires, dialogue):
    dialogue.open().ask(WRITE).answer(WRITE)
    assert [(True, WRITE), (False, WRITE)] == sides(wires(dialogue.segments[1:]))


def test_a_device_that_calls_from_port_502_is_still_the_client(wires, new_dialogue):
    odd = new_dialogue(client=("10.0.0.21", 502), device=("10.1.0.5", 40_001)).open().ask(READ).answer(READ_ANSWER)
    assert [(True, READ), (False, READ_ANSWER)] == sides(wires(odd.segments))


def test_without_a_beginning_the_shape_of_frames_decides(wires, counts, new_dialogue):
    odd = new_dialogue(client=("10.0.0.21", 502), device=("10.1.0.5", 40_001))
    odd.ask(WRITE).answer(WRITE).ask(READ).answer(READ_ANSWER)
    assert [(True, WRITE), (False, WRITE), (True, READ), (False, READ_ANSWER)] == sides(wires(odd.segments))
    assert 1 == counts["directions_by_shape"]


def test_where_nothing_tells_the_port_decides(wires, counts, dialogue):
    dialogue.ask(WRITE).answer(WRITE)
    assert [(True, WRITE), (False, WRITE)] == sides(wires(dialogue.segments))
    assert 1 == counts["directions_by_port"]


def test_what_is_held_back_is_bounded(wires, counts, dialogue):
    for _ in range(MAX_UNDECIDED + 10):
        dialogue.ask(WRITE)
    assert MAX_UNDECIDED + 10 == len(sides(wires(dialogue.segments)))
    assert 1 == counts["directions_by_port"]


def test_other_ports_are_of_no_interest_unless_all_are_asked_for(wires, new_dialogue):
    other = new_dialogue(device=("10.1.0.5", 5_020)).open().ask(READ).answer(READ_ANSWER)
    assert [] == wires(other.segments)
    assert [(True, READ), (False, READ_ANSWER)] == sides(wires(other.segments, frozenset()))
    web = new_dialogue(device=("10.1.0.5", 80)).open().ask(b"GET / HTTP/1.1\r\n").answer(b"HTTP/1.1 200 OK\r\n")
    assert [] == wires(web.segments, frozenset())


def test_bytes_after_a_gap_or_before_a_beginning_are_marked(wires, dialogue):
    dialogue.open().ask(READ).ask(READ).ask(READ).answer(READ_ANSWER)
    assert [False, True] == [wire.broken for wire in wires(dialogue.segments[:3] + dialogue.segments[4:])][:2]
    assert [True, False] == [wire.broken for wire in wires(dialogue.segments[2:])][:2]


def test_time_never_falls(wires, dialogue):
    dialogue.open().ask(READ).ask(READ).ask(READ)
    order = [dialogue.segments[place] for place in (0, 1, 4, 3, 2)]
    times = [wire.at for wire in wires(order)]
    assert sorted(times) == times


@pytest.mark.parametrize(
    ("pdu", "shape"),
    [
        (build.read(3, 0, 2), 1),
        (bytes((3, 4, 0, 1, 0, 2)), -1),
        (bytes((1, 3, 0, 0, 1)), 0),  # a read of one coil from 768, or 24 coils: both are lawful
        (build.write_register(5, 9), 0),
        (build.write_registers(5, (1, 2)), 1),
        (bytes((16, 0, 5, 0, 2)), -1),
        (bytes((0x83, 2)), -1),
        (bytes((0x83, 2, 3)), 0),
        (bytes((0,)), 0),
        (bytes((3,)), 0),
    ],
)
def test_the_shape_of_a_pdu_tells_who_sent_it(pdu, shape):
    assert shape == shape_of(1, pdu)


@pytest.mark.parametrize("data", [READ, READ[:1], READ[:5], b"\0\1\0\0\0\2"])
def test_a_header_is_recognised_as_far_as_it_reaches(data):
    assert looks_like_modbus(data)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1", b"\0\1\0\0\0\1", b"\0\1\0\0\0\xff", b"\0\1\0\1\0\6"])
def test_what_is_no_header_is_not_taken_for_one(data):
    assert not looks_like_modbus(data)
