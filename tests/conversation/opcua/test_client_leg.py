"""The doors of a connection before anybody is known: bounds, timers, floods, floors."""

import tracemalloc

import pytest

from icsguard.protocols.opcua.handshake import Hello, greeting
from icsguard.protocols.opcua.messages_session import GetEndpointsRequest
from icsguard.protocols.opcua.uacp import chunk_of

BOTH = ("Basic256Sha256", 3)
SIGN = ("Basic256Sha256", 2)
NONE = ("None", 1)
CHECKS, TOO_LARGE, TYPE, TIMEOUT, POLICY, MODE = (
    0x80130000,
    0x80800000,
    0x807E0000,
    0x800A0000,
    0x80550000,
    0x80540000,
)


@pytest.fixture(params=["terminate", "passthrough"])
def way(request):
    return request.param


@pytest.mark.parametrize(
    ("raw", "due"),
    [
        (b"HELF\xff\xff\xff\x7f", TOO_LARGE),
        (b"HELF\x03\0\0\0", TOO_LARGE),
        (b"GET / HTTP/1.1\r\n\r\n", TYPE),
        (chunk_of(b"MSG", b"F", bytes(40)), TYPE),
        (chunk_of(b"OPN", b"F", bytes(40)), TYPE),
        (chunk_of(b"ACK", b"F", bytes(20)), TYPE),
        (greeting(Hello(0, 100, 100, 0, 0, "x")), 0x80820000),
        (chunk_of(b"HEL", b"C", bytes(40)), TYPE),
    ],
)
def test_what_is_no_beginning_ends_the_connection_and_the_device_never_sees_it(world, way, raw, due):
    scene = world(way=way)
    peer = scene.connect()
    peer.send(raw)
    assert due == peer.error.code
    assert peer.closed
    assert not any(end.channel.state == "open" for end in peer.ends)
    assert ["malformed"] == [record.kind.value for record in scene.records]


def test_two_greetings_are_one_too_many(world, way):
    scene = world(way=way)
    peer = scene.connect().hello()
    peer.hello()
    assert TYPE == peer.error.code


@pytest.mark.parametrize("beginning", [b"", b"HEL", greeting(Hello(0, 65536, 65536, 0, 0, "x"))])
def test_a_connection_without_an_open_channel_ends_in_time(world, way, beginning):
    scene = world(way=way)
    peer = scene.connect()
    peer.send(beginning)
    due = peer.talk.next_timer()
    assert 0 < due - scene.now <= 5 * 10**9
    peer.tick(4.9)
    assert not peer.closed
    peer.tick(0.2)
    assert TIMEOUT == peer.error.code
    assert peer.closed
    assert peer.talk.is_over
    assert {} == scene.guard.half_open


def test_an_unfinished_message_ends_in_time_however_slowly_it_grows(world, way):
    scene = world(way=way)
    peer = scene.connect().hello().open()
    body = peer.raw(GetEndpointsRequest("opc.tcp://gw", None, None))
    raw = peer.channel.send(b"MSG", 9, body, scene.now)
    for byte in raw[:4]:
        peer.send(bytes([byte]))
        peer.tick(1)
    assert 0 < peer.talk.next_timer() <= scene.now + 10**9
    peer.tick(1)
    assert TIMEOUT == peer.error.code


def test_two_thousand_unfinished_chunks_do_not_grow_the_gateway(world, way):
    scene = world(way=way)
    peer = scene.connect().hello().open()
    head = peer.channel.id.to_bytes(4, "little") + (1).to_bytes(4, "little")
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(2, 2002):
        if peer.closed:
            break
        inner = head + number.to_bytes(4, "little") + (7).to_bytes(4, "little") + bytes(60_000)
        peer.send(chunk_of(b"MSG", b"C", inner))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert TOO_LARGE == peer.error.code
    assert peak - before < 1_048_576
    assert not any(entry for entry in scene.log)


@pytest.mark.parametrize("depth", [10, 500, 50_000])
def test_nested_values_are_refused_before_they_reach_the_device(world, way, depth):
    scene = world(way=way)
    peer = scene.connect().start()
    from icsguard.protocols.opcua.messages_attribute import WriteRequest

    nested = b"\x98\x01\0\0\0" * depth + b"\0"
    item = b"\x03\x02\x00\x07\0\0\0Allowed" + (13).to_bytes(4, "little") + b"\xff" * 4 + b"\x01" + nested
    body = peer.raw(WriteRequest(None))[:-4] + (1).to_bytes(4, "little") + item
    answer = peer.got(peer.post(body))
    assert answer.fault in {0x80080000, 0x80070000}
    assert not [entry for entry in scene.log if entry[0] == "write"]


def test_repeated_malformed_requests_end_the_connection(world):
    scene = world()
    scene.guard.quarantine.grave.threshold = 1000
    peer = scene.connect().start()
    for _ in range(17):
        if not peer.closed:
            peer.post(peer.raw(GetEndpointsRequest("x", None, None)) + b"more")
    assert peer.closed


def test_opens_of_one_address_are_bounded(world, way, ua):
    scene = world(way=way, policy=ua.a_policy(limits=ua.UaLimits(opens_per_minute=3)))
    for _ in range(3):
        assert None is scene.connect().hello().open().error
    peer = scene.connect().hello().open()
    assert 0x807D0000 == peer.error.code
    assert None is scene.connect("10.0.0.22").hello().open().error
    scene.now += 61 * 10**9
    assert None is scene.connect().hello().open().error


def test_half_open_connections_are_bounded(world):
    scene = world()
    peers = [scene.connect(f"10.0.0.{number // 16}") for number in range(65)]
    assert not any(peer.talk.is_one_too_many for peer in peers[:-1])
    assert 0 < peers[-1].talk.next_timer() <= scene.now
    peers[-1].carry_out(peers[-1].talk.timer(scene.now))
    assert peers[-1].closed
    assert scene.connect("10.9.9.9").talk.is_one_too_many


def test_one_address_cannot_take_all_half_open_connections(world):
    scene = world()
    peers = [scene.connect() for _ in range(17)]
    assert peers[-1].talk.is_one_too_many
    assert not scene.connect("10.0.0.22").talk.is_one_too_many


def test_a_policy_that_is_not_offered_is_refused(world):
    scene = world(SIGN, SIGN)
    assert POLICY == scene.connect().hello().open("Aes128_Sha256_RsaOaep", 3).error.code
    assert MODE == scene.connect().hello().open(*BOTH).error.code


def test_a_channel_for_another_certificate_is_refused(world, ids):
    from icsguard.protocols.opcua.certificates import certificate_of

    scene = world(BOTH, BOTH)
    peer = scene.connect().hello()
    peer.server = certificate_of(ids["stranger"].certificate)
    assert CHECKS == peer.open(*BOTH).error.code


def test_bytes_wait_while_an_open_is_opened_and_their_number_is_bounded(world):
    scene = world(BOTH, BOTH)
    peer = scene.connect().hello()
    scene.holds_jobs = True
    peer.open(*BOTH)
    assert not peer.talk.wants_client
    assert 1 == len(peer.jobs)
    for _ in range(10):
        peer.send(chunk_of(b"MSG", b"F", bytes(60_000)))
    assert peer.closed
    assert TOO_LARGE == peer.error.code
    peer.finish_jobs()


def test_what_came_behind_an_open_is_taken_once_it_is_opened(world):
    scene = world(BOTH, BOTH)
    peer = scene.connect().start(*BOTH)
    scene.holds_jobs = True
    peer.send(peer.proposal())
    read = peer.read("P1")
    assert None is read
    peer.finish_jobs()
    peer.finish_jobs()
    assert 1 == len(peer.answers)
    scene.holds_jobs = False
    assert [2.0] == [value.value.value for value in peer.read("P2").body.results]


def test_an_expired_token_ends_the_connection(world):
    scene = world(idle_timeout_s=0)
    peer = scene.connect().hello().open(lifetime_ms=60_000)
    peer.create()
    assert peer.talk.next_timer()
    peer.tick(74)
    assert not peer.closed
    peer.tick(2)
    assert peer.closed
    assert 0x80870000 == peer.error.code


def test_an_idle_client_is_closed(world, way):
    scene = world(way=way, idle_timeout_s=30)
    peer = scene.connect().start()
    peer.tick(31)
    assert peer.closed


def test_a_client_that_closes_its_channel_is_gone(world, way):
    from icsguard.protocols.opcua.headers import REQUEST_HEADER, Nothing, RequestHeader
    from icsguard.protocols.opcua.services import message

    scene = world(way=way)
    peer = scene.connect().start()
    end = peer.end
    peer.post(message(452, REQUEST_HEADER, RequestHeader(), Nothing()), kind=b"CLO")
    assert peer.talk.is_over or not peer.closed
    peer.carry_out(peer.talk.client_lost(scene.now))
    assert peer.talk.is_over
    assert end.closed
    assert not scene.guard.sessions
    assert not scene.records
