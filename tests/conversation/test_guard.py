import pytest

from icsguard.conversation.guard import MAX_MISSES
from icsguard.core.decision import Mode
from icsguard.policy.decide import Judge
from icsguard.policy.rules import Policy
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

READ = bytes.fromhex("0001 0000 0006 11 03 0000 0001")
ANSWER = bytes.fromhex("0001 0000 0005 11 03 02 0007")


def warmed(scene):
    scene.bytes_from_client(READ)
    scene.session.link_up(scene.now)
    scene.bytes_from_device(ANSWER)
    assert scene.session.request_passes(READ, scene.now)
    scene.bytes_from_device(ANSWER)
    return scene


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: scene.play("operator mode observe"),
        lambda scene: scene.play("operator forbid"),
        lambda scene: scene.play("operator isolate 10.0.0.21 writes"),
    ],
    ids=["mode", "policy", "isolation"],
)
def test_a_change_empties_the_verdict_caches(scene, change):
    warmed(scene)
    change(scene)
    assert not scene.session.request_passes(READ, scene.now)


def test_learning_judges_only_where_there_are_rules(new_guard):
    assert not new_guard(mode=Mode.LEARN, policy=Policy()).judges
    assert new_guard(mode=Mode.LEARN).judges
    assert new_guard(mode=Mode.OBSERVE, policy=Policy()).judges


def test_an_empty_policy_refuses_everything(make_scene):
    scene = make_scene(policy=Policy())
    scene.connect()
    assert ["< client 0001 0000 0003 11 8302"] == scene.play(f"client {READ.hex()}")[:1]


def test_a_shadow_that_misses_is_no_longer_waited_for(new_guard):
    guard = new_guard()
    guard.shadow_up = True
    guard.misses = MAX_MISSES - 1
    assert guard.waits_for_shadow
    guard.misses = MAX_MISSES
    assert not guard.waits_for_shadow


def test_a_cache_lives_as_long_as_its_client_has_a_session(scene):
    second = scene.connect("10.0.0.21")
    assert {"10.0.0.21"} == set(scene.guard.caches)
    second.client_lost(scene.now)
    assert {"10.0.0.21"} == set(scene.guard.caches)
    next(iter(scene.guard.sessions.values())).client_lost(scene.now)
    assert {} == scene.guard.caches
    assert {} == scene.guard.sessions


def test_a_reload_keeps_sessions_and_names_clients_anew(scene):
    assert "hmi" == scene.session.client.name
    scene.guard.reload(scene.guard.conduit, Judge(Policy(digest="other")))
    assert "" == scene.session.client.name
    assert "other" == scene.guard.record("verdict", "info", "x", 0).policy_digest
    assert 1 == len(scene.guard.sessions)


@pytest.mark.parametrize(
    ("pdu", "expected"), [(b"\x06\0\x82\0\1", True), (b"\x03\0\x80\0\x05", True), (b"\x06\0\x83\0\1", False)]
)
def test_requests_that_touch_a_secret_point_are_known(new_guard, pdu, expected):
    assert expected is new_guard().is_secret(meaning(parse_request(17, pdu)))


def test_an_unknown_outcome_is_forgotten_by_policy(scene):
    read = bytes.fromhex("0001 0000 0006 11 03 006E 0001")
    scene.bytes_from_client(read)
    scene.guard.unknown(meaning(parse_request(17, b"\x06\0\x6e\0\1")))
    assert 1 == scene.guard.counters.writes_unknown
