"""HEL, ACK, ERR and RHE, and the limits that come out of them."""

import pytest

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.handshake import (
    MAX_CHUNKS,
    MAX_MESSAGE,
    MAX_REASON,
    Acknowledge,
    Error,
    Hello,
    Limits,
    ReverseHello,
    acknowledge,
    agreed,
    error,
    greeting,
    parse_greeting,
)
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.uacp import Framer, chunk_of, frame

HELLO = Hello(0, 65536, 65536, 0, 0, "opc.tcp://plc:4840")


@pytest.mark.parametrize(
    "value",
    [HELLO, Acknowledge(0, 8192, 65536, 1, 2), Error(0x801F0000, "no"), ReverseHello("urn:s", "opc.tcp://c:4841")],
)
def test_a_greeting_is_read_as_it_was_written(value):
    (chunk,) = Framer().feed(greeting(value))
    assert value == parse_greeting(chunk)


@pytest.mark.parametrize(
    ("raw", "due"),
    [
        (greeting(HELLO._replace(receive=8191)), "uacp-buffer"),
        (greeting(HELLO._replace(send=0)), "uacp-buffer"),
        (greeting(HELLO._replace(url="x" * 4096)), "uacp-url"),
        (greeting(ReverseHello("s", "ü" * 2048)), "uacp-url"),
        (greeting(HELLO) + b"\0", "uacp-hello"),
        (greeting(HELLO)[:-1], "uacp-hello"),
        (chunk_of(b"MSG", b"F", bytes(20)), "uacp-hello"),
    ],
)
def test_a_breach_is_a_defect_with_its_code(raw, due):
    assert due == parse_greeting(frame(raw)).code


def test_an_error_says_who_refused_and_no_more_than_fits():
    (chunk,) = Framer().feed(error(STATUS["BadUserAccessDenied"], "ü" * 999))
    found = parse_greeting(chunk)
    assert "ü" * (MAX_REASON // 2) == found.reason
    assert Error(5, None) == parse_greeting(frame(error(5)))


def test_the_answer_to_a_hello_is_never_more_than_either_side_can():
    assert Acknowledge(0, 65536, 65536, MAX_MESSAGE, MAX_CHUNKS) == acknowledge(
        HELLO._replace(receive=2**31, send=2**31)
    )
    assert (9000, 8192) == acknowledge(HELLO._replace(receive=8192, send=9000))[1:3]
    assert not isinstance(parse_greeting(frame(greeting(acknowledge(HELLO)))), Defect)


@pytest.mark.parametrize(
    ("theirs", "due"),
    [
        ((65536, 0, 0), Limits()),
        ((8192, 100_000, 5), Limits(8192, 100_000, 5)),
        ((65536, 5, 0), Limits()),  # asyncua puts the chunk count into MaxMessageSize
        ((2**32 - 1, 2**32 - 1, 2**32 - 1), Limits()),
    ],
)
def test_what_may_be_sent_is_the_smaller_of_both_sides(theirs, due):
    assert due == agreed(*theirs)
