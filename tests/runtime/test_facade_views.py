import pytest

from icsguard.core.clock import SECOND
from icsguard.core.ids import AddressRange
from icsguard.core.isolation import Isolation, Scope
from icsguard.core.meaning import Table
from icsguard.policy.rules import Grant, Service, Target
from icsguard.runtime import facade_views as views


async def test_a_conduit_fits_on_a_line(open_site):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    await caller.write(5, 101)
    now = scene.site.clock.now()
    line = views.conduit_line(scene.listener, views.Rates(), {"plc1.twin": "0.8 %"}, now)
    assert ("plc1", "enforce", "up", 1, 2, 1, 2) == (
        line.name,
        line.mode,
        line.device_state,
        line.clients,
        line.transactions,
        line.refused,
        line.rules,
    )
    assert f"127.0.0.1:{scene.listener.port}" == line.listen
    assert ("policy_alone", "0.8 %") == (line.failure_policy, line.twin)


async def test_a_device_is_idle_up_or_down(open_site):
    scene = await open_site()
    assert "idle" == views.device_state(scene.guard)
    caller = await scene.caller()
    await caller.read()
    assert "up" == views.device_state(scene.guard)
    await scene.device.stop()
    await caller.read()
    await caller.read()
    assert "down" == views.device_state(scene.guard)


async def test_shared_links_are_told_with_who_waits_and_which_units_are_silent(open_site):
    scene = await open_site(links=2, quirks=("unit_not_echoed",))
    now = scene.site.clock.now()
    assert "0 of 2 shared links up, 0 requests wait" == views.links_line(scene.guard.pool, now)
    assert "idle" == views.device_state(scene.guard)
    await (await scene.caller()).read()
    for _ in range(2):
        scene.guard.pool.units.sent(9)
        scene.guard.pool.units.timed_out(9, now, others_out=0, now=now)
    line = views.conduit_line(scene.listener, views.Rates(), {}, now)
    assert ("1 of 2 shared links up, 0 requests wait, silent units: 9", "up") == (line.links, line.device_state)
    assert ("unit_not_echoed",) == line.quirks


async def test_a_session_line_says_who_and_how_isolated(open_site):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    (session,) = scene.guard.sessions.values()
    now = scene.site.clock.now()
    assert ("open", "hmi", 1, 0) == (
        (line := views.session_line(session, now)).state,
        line.group,
        line.requests,
        line.in_flight,
    )
    scene.guard.quarantine.isolate(Isolation("127.0.0.1", "plc1", Scope.WRITES, "x", "anna", now, 0), now)
    assert "writes isolated" == views.session_line(session, now).state


@pytest.mark.parametrize(("seconds", "count", "expected"), [(1, 50, 50.0), (10, 50, 5.0)])
async def test_rates_are_counted_over_the_last_seconds(open_site, seconds, count, expected):
    scene = await open_site()
    rates = views.Rates()
    rates.read(scene.site.listeners, 0)
    assert expected == rates.of("plc1", count, seconds * SECOND)
    assert 0.0 == rates.of("other", count, seconds * SECOND)


def test_a_grant_in_words():
    grant = Grant(
        "g1",
        "hmi",
        5,
        "work",
        services=(Service(6),),
        targets=(Target(Table.HOLDING, AddressRange(3, 5)),),
        points=("speed",),
    )
    line = views.grant_line(grant, "plc1", used=1, by="anna")
    assert ("function 6, holding 3..5, speed", 1, "anna") == (line.what, line.used, line.by)
