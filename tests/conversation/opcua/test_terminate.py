"""A whole conversation through two channels: every security on each leg, every chopping."""

import pytest

from icsguard.protocols.opcua.handshake import Limits
from icsguard.protocols.opcua.uacp import chunk_of

LEGS = [
    (("None", 1), ("None", 1)),
    (("Basic256Sha256", 2), ("Basic256Sha256", 2)),
    (("Basic256Sha256", 3), ("None", 1)),
    (("Aes128_Sha256_RsaOaep", 3), ("Basic256Sha256", 3)),
    (("Aes256_Sha256_RsaPss", 3), ("Aes256_Sha256_RsaPss", 3)),
    (("None", 1), ("Aes256_Sha256_RsaPss", 2)),
]
GOOD, DENIED, RANGE = 0, 0x801F0000, 0x803C0000


@pytest.mark.parametrize(
    ("client", "server", "user"),
    [(*legs, None) for legs in LEGS] + [(*legs, "operator") for legs in LEGS if legs[0][1] > 1],
)
@pytest.mark.parametrize("chop", [0, 7])
def test_reads_and_allowed_writes_reach_the_device_over_any_security(world, client, server, chop, user):
    scene = world(client, server, chop=chop)
    peer = scene.connect().start(*client, user=user)
    assert [("activated", user or "")] == scene.log
    assert [1.0, 5.0] == [value.value.value for value in peer.read("Allowed", "P5").body.results]
    assert (GOOD,) == peer.write(Allowed=3.5).body.results
    assert 3.5 == scene.device.values[next(iter(scene.device.values))]
    assert {"failover"} == {record.kind.value for record in scene.records}


def test_a_denied_node_among_fifty_is_refused_alone(world):
    scene = world(("Basic256Sha256", 3), ("Basic256Sha256", 3))
    peer = scene.connect().start("Basic256Sha256", 3)
    values = {f"P{n}": 2.0 for n in range(50)}
    names = list(values)
    names[17] = "Denied"
    names[30] = "Ranged"
    answer = peer.write(**dict.fromkeys(names, 500.0))
    assert [GOOD] * 17 + [DENIED] + [GOOD] * 12 + [RANGE] + [GOOD] * 19 == list(answer.body.results)
    assert 1.0 == scene.device.values[next(n for n in scene.device.values if n.identifier == "Denied")]
    assert 48 == sum(entry[0] == "write" for entry in scene.log)


def test_an_answer_that_is_too_large_for_the_client_becomes_the_fault_that_says_so(world):
    from icsguard.protocols.opcua.handshake import Hello, greeting

    scene = world()
    peer = scene.connect()
    peer.send(greeting(Hello(0, 8192, 8192, 10_000, 0, "opc.tcp://gw")))
    peer.open()
    peer.create()
    peer.activate()
    names = [f"P{n % 100}" for n in range(1500)]
    assert 0x80B90000 == peer.read(*names).fault
    assert 0x80B90000 == peer.read(*names).fault
    assert [1.0] == [one.value.value for one in peer.read("P1").body.results]
    assert 1 == scene.guard.counters.hot


def test_a_request_that_is_too_large_for_the_device_is_refused_on_both_paths(world):
    scene = world()
    peer = scene.connect().start()
    names = [f"P{n % 100}" for n in range(1500)]
    assert 1500 == len(peer.read(*names).body.results)
    peer.talk.far.channel.sends(Limits(8192, 10_000, 2))
    assert 0x80800000 == peer.read(*names).fault
    assert peer.read("P1").body.results
    assert not peer.closed


def test_an_aborted_request_is_forgotten(world):
    scene = world()
    peer = scene.connect().start()
    head = peer.channel.id.to_bytes(4, "little") + peer.channel.tokens.held[-1].id.to_bytes(4, "little")
    for kind, piece in ((b"C", b"begin"), (b"A", bytes(4) + b"\xff" * 4)):
        inner = head + peer.channel._outgoing.take().to_bytes(4, "little") + (99).to_bytes(4, "little") + piece
        peer.send(chunk_of(b"MSG", kind, inner))
    assert peer.read("P1").body.results
    assert not scene.records
