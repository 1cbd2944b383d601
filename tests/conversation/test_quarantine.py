import pytest

from icsguard.config.settings import IsolationSettings
from icsguard.conversation.quarantine import MAX_AUTO_S, is_named
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.isolation import IsolationRequest, Scope

STRANGER, HMI, HMI2 = "10.9.9.9", "10.0.0.21", "10.0.0.22"


def wish(client=STRANGER, scope=Scope.FULL, seconds=60):
    return IsolationRequest(client, "plc1", scope, "a scan", "flow-model", seconds)


@pytest.fixture
def auto(make_scene):
    scene = make_scene(isolation=IsolationSettings(auto=True, threshold=2, seconds=60, never=("10.8.0.0/16",)))
    scene.quarantine = scene.guard.quarantine
    return scene


def test_a_stranger_is_cut_from_writing_first_and_wholly_if_asked_again(auto):
    auto.quarantine.wish(wish(), auto.now)
    assert Scope.WRITES is auto.quarantine.scope_for(STRANGER, auto.now)
    auto.quarantine.wish(wish(), auto.now)
    assert Scope.FULL is auto.quarantine.scope_for(STRANGER, auto.now)


def test_a_wish_for_writes_never_goes_further(auto):
    for _ in range(3):
        auto.quarantine.wish(wish(scope=Scope.WRITES), auto.now)
    assert Scope.WRITES is auto.quarantine.scope_for(STRANGER, auto.now)


def test_an_automatic_isolation_ends_within_an_hour(auto):
    auto.quarantine.wish(wish(seconds=10**6), auto.now)
    assert auto.quarantine.scope_for(STRANGER, auto.now + MAX_AUTO_S * SECOND - 1)
    assert auto.quarantine.scope_for(STRANGER, auto.now + MAX_AUTO_S * SECOND) is None
    assert ["isolated", "released"] == [r.facts["what"] for r in auto.records()]


def test_the_last_station_stays_and_another_may_go(auto):
    auto.connect(HMI)
    auto.quarantine.wish(wish(HMI), auto.now)
    assert auto.quarantine.scope_for(HMI, auto.now) is None
    auto.connect(HMI2)
    auto.quarantine.wish(wish(HMI), auto.now)
    assert Scope.WRITES is auto.quarantine.scope_for(HMI, auto.now)


def test_whom_the_settings_protect_is_not_touched_and_that_is_on_record(auto):
    auto.quarantine.wish(wish("10.8.1.1"), auto.now)
    assert auto.quarantine.scope_for("10.8.1.1", auto.now) is None
    assert ["not isolated"] == [r.facts["what"] for r in auto.records()]


@pytest.mark.parametrize("options", [{"mode": Mode.OBSERVE}, {"isolation": IsolationSettings(auto=False)}])
def test_without_leave_nothing_is_cut(make_scene, options):
    scene = make_scene(**({"isolation": IsolationSettings(auto=True)} | options))
    scene.guard.quarantine.wish(wish(), scene.now)
    assert scene.guard.quarantine.scope_for(STRANGER, scene.now) is None


def test_a_release_is_on_record_with_its_operator(auto):
    auto.quarantine.wish(wish(), auto.now)
    record = auto.quarantine.release(STRANGER, "it was a test", "anna", auto.now)
    assert "anna" == record.facts["released_by"]
    assert auto.quarantine.release(STRANGER, "again", "anna", auto.now) is None


def test_grave_events_cut_a_client_at_the_threshold(auto):
    auto.quarantine.grave_event(STRANGER, "a forbidden write", auto.now)
    assert auto.quarantine.scope_for(STRANGER, auto.now) is None
    auto.quarantine.grave_event(STRANGER, "a forbidden write", auto.now)
    assert Scope.WRITES is auto.quarantine.scope_for(STRANGER, auto.now)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("10.0.0.21",), True),
        (("10.0.0.0/24",), True),
        (("hmi",), True),
        (("a/b",), False),
        (("10.1.0.0/16", "x"), False),
        ((), False),
    ],
)
def test_a_client_is_named_by_address_network_or_group(names, expected):
    assert expected is is_named(HMI, "engineers, hmi", names)


def test_a_wish_that_is_repeated_and_not_granted_is_folded(auto):
    for _ in range(5):
        auto.quarantine.wish(wish("10.8.1.1"), auto.now)
    auto.guard.folder.flush()
    assert [1, 4] == [record.repeated for record in auto.records()]


def test_why_an_isolated_clients_write_is_refused_names_the_reason_of_the_isolation(auto):
    auto.guard.quarantine.wish(wish(scope=Scope.WRITES), auto.now)
    reason = auto.guard.quarantine.refusal(STRANGER, 6)
    assert ("isolated", 6) == (reason.code, reason.reply)
    assert f"{STRANGER} is isolated from writing: {wish().reason}" == reason.text
