"""A channel judged from outside."""

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
