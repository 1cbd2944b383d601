"""A whole conversation through two channels: every security on each leg, every chopping."""

import pytest

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
