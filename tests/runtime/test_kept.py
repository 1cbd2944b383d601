from dataclasses import replace

import pytest

from icsguard.conversation.guard import Guard
from icsguard.conversation.run import Run
from icsguard.core.clock import SECOND
from icsguard.core.decision import Mode
from icsguard.core.isolation import Isolation, Scope
from icsguard.policy.decide import Judge
from icsguard.policy.rules import Grant, Service
from icsguard.runtime.clock import Clock
from icsguard.runtime.kept import Kept, with_grants


@pytest.fixture
def conduit(site_settings, tmp_path):
    return site_settings(tmp_path, 502, mode=Mode.LEARN).conduits[0]


def guard_of(conduit):
    return Guard(conduit, Judge(conduit.policy), Run("r"))


def again(tmp_path, kept, guard):
    """Write what is kept and read it in another life."""
    kept.write(kept.snapshot([guard]))
    other = Kept(tmp_path / "state", Clock())
    assert "" == other.load()
    return other


def test_a_mode_is_kept_over_a_restart(tmp_path, conduit):
    kept, guard = Kept(tmp_path / "state", Clock()), guard_of(conduit)
    kept.set_mode(guard, Mode.ENFORCE)
    fresh = guard_of(conduit)
    again(tmp_path, kept, guard).apply(fresh)
    assert Mode.ENFORCE is fresh.mode


def test_a_mode_yields_when_the_configuration_was_changed(tmp_path, conduit):
    kept, guard = Kept(tmp_path / "state", Clock()), guard_of(conduit)
    kept.set_mode(guard, Mode.ENFORCE)
    fresh = guard_of(replace(conduit, mode=Mode.OBSERVE))
    again(tmp_path, kept, guard).apply(fresh)
    assert Mode.OBSERVE is fresh.mode


def test_an_isolation_is_kept_until_its_end(tmp_path, conduit):
    clock = Clock()
    kept, guard, now = Kept(tmp_path / "state", clock), guard_of(conduit), clock.now()
    for client, until in (("10.0.0.1", now + 60 * SECOND), ("10.0.0.2", now - SECOND), ("10.0.0.3", 0)):
        guard.quarantine.isolations.put(Isolation(client, "plc1", Scope.FULL, "why", "anna", now, until))
    fresh = guard_of(conduit)
    again(tmp_path, kept, guard).apply(fresh)
    assert {"10.0.0.1", "10.0.0.3"} == {one.client for one in fresh.quarantine.isolations.all()}
    assert abs(fresh.quarantine.isolations.get("10.0.0.1").until - now - 60 * SECOND) <= 2 * SECOND


def test_a_grant_is_kept_until_its_end(tmp_path, conduit):
    clock = Clock()
    kept, guard = Kept(tmp_path / "state", clock), guard_of(conduit)
    live = Grant("g1", "hmi", clock.now() + 60 * SECOND, "work", services=(Service(6),))
    kept.grants["plc1"] = (live, Grant("g2", "hmi", clock.now() - 1, "over"))
    kept.granted_by |= {"g1": "anna", "g2": "bob"}
    assert (live,) == kept.grants_of("plc1")
    other = again(tmp_path, kept, guard)
    assert (live,) == other.grants_of("plc1")
    assert {"g1": "anna"} == other.granted_by


def test_grants_change_the_policys_digest_and_name_their_functions(conduit):
    granted = with_grants(conduit, (Grant("g1", "hmi", 5, "work", points=("speed",)),))
    assert granted.policy.digest != conduit.policy.digest
    assert Service(6) in granted.policy.grants[0].services
    assert conduit is with_grants(conduit, ())
