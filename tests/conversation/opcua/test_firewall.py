"""A channel judged from outside."""

import pytest

from icsguard.conversation.opcua.firewall import unfit, untrusted, unwanted
from icsguard.core.decision import Mode
from icsguard.protocols.opcua.passthrough import Watch
from icsguard.protocols.opcua.security import POLICIES, SecurityMode
from icsguard.protocols.opcua.uacp import chunk_of, frame

SIGN, BOTH = ("Basic256Sha256", 2), ("Basic256Sha256", 3)


def watching(policy, mode):
    watch = Watch()
    watch.policy = POLICIES["http://opcfoundation.org/UA/SecurityPolicy#" + policy]
    watch.mode = SecurityMode(mode)
    return watch


def test_the_clear_is_judged_session_by_session(world):
    guard = world(SIGN, SIGN, way="passthrough", on_deny="cut").guard
    peer = world().connect().talk
    opened = frame(chunk_of(b"OPN", b"F", bytes(4) + b"\xff" * 12 + bytes(8)))
    watch = watching("None", 1)
    assert None is unwanted(guard, watch, opened, 0)
    assert None is untrusted(guard, watch, opened, 0)
    assert None is unfit(guard, watch, peer.identity)


def test_policy_mode_and_floor_each_have_their_say(world, ua):
    scene = world(SIGN, SIGN, way="passthrough", on_deny="cut")
    peer = scene.connect().talk.peer._replace(policy="http://opcfoundation.org/UA/SecurityPolicy#Basic256Sha256")
    assert None is unfit(scene.guard, watching(*SIGN), peer._replace(mode=2))
    assert "channel-mode" == unfit(scene.guard, watching(*BOTH), peer._replace(mode=3)).code
    strict = world(SIGN, SIGN, way="passthrough", on_deny="cut", policy=ua.a_policy(mode=3)).guard
    assert "channel-floor" == unfit(strict, watching(*SIGN), peer._replace(mode=2)).code
    other = watching("Aes256_Sha256_RsaPss", 2)
    assert "channel-policy" == unwanted(scene.guard, other, frame(chunk_of(b"OPN", b"F", bytes(30))), 0).code


def test_learning_without_rules_judges_no_channel(world, ua):
    scene = world(SIGN, SIGN, way="passthrough", mode=Mode.LEARN, policy=ua.a_policy(rules=(), mode=3))
    assert None is unfit(scene.guard, watching(*SIGN), scene.connect().talk.peer)


@pytest.mark.parametrize("barred", ["urn:client", "urn:device"])
@pytest.mark.parametrize("way", ["passthrough", "terminate"])
def test_a_live_channel_ends_when_one_of_its_peers_is_no_longer_trusted(world, ua, way, barred):
    scene = world(BOTH, BOTH, way=way, on_deny="cut")
    peer = scene.connect().start(*BOTH)
    peer.tick(1)
    assert peer.read("P1").body.results
    scene.guard.retrust(ua.OpenTrust(barred))
    assert peer.talk.flow in scene.guard.wakeups
    peer.tick()
    assert peer.closed
    assert (0x80050000 if (way, barred) == ("terminate", "urn:device") else 0x80130000) == peer.error.code
    assert any(barred in record.text for record in scene.records)


def test_observing_a_channel_of_strangers_lives(world, ua):
    scene = world(BOTH, BOTH, way="passthrough", mode=Mode.OBSERVE)
    peer = scene.connect().start(*BOTH)
    scene.guard.retrust(ua.OpenTrust("urn:client"))
    peer.tick()
    assert not peer.closed
