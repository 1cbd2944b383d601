import asyncio
import contextlib

from icsguard.control import links
from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Finding
from icsguard.core.isolation import Isolation, IsolationRequest, Scope
from icsguard.core.transaction import Opinion

OK = b"\x03\x02\x00\x00"


async def test_the_next_client_beyond_the_bound_is_closed_and_on_record(open_site, wait_until):
    scene = await open_site(max_clients=2)
    first, second = await scene.caller(), await scene.caller()
    assert [OK, OK] == [await first.read(), await second.read()]
    third = await scene.caller()
    assert b"" == await asyncio.wait_for(third.reader.read(), 2)
    assert ["not-admitted"] == [key.code for key in scene.guard.folder._folds if key.code == "not-admitted"]
    assert 1 == scene.guard.counters.shed_clients
    first.close()
    await wait_until(lambda: len(scene.listener.ends) < 2)
    assert OK == await (await scene.caller()).read()


async def test_whom_the_policy_names_gets_the_place_of_somebody_unknown(open_site, wait_until):
    scene = await open_site(max_clients=2)
    stranger = [await _from(scene, f"127.0.0.{last}") for last in (66, 67)]
    await wait_until(lambda: 2 == len(scene.listener.ends))
    known = await scene.caller()
    assert OK == await asyncio.wait_for(known.read(), 2)
    with contextlib.suppress(ConnectionResetError):
        assert b"" == await asyncio.wait_for(stranger[0][0].read(), 2)
    also_known = await scene.caller()
    assert OK == await asyncio.wait_for(also_known.read(), 2)
    await wait_until(lambda: 2 == len(scene.listener.ends))
    assert b"" == await asyncio.wait_for((await scene.caller()).reader.read(), 2)
    assert OK == await known.read()
    assert 3 == scene.guard.counters.shed_clients
    for _, writer in stranger:
        writer.close()


async def _from(scene, source):
    """Connect from another address of the loopback interface."""
    return await asyncio.open_connection("127.0.0.1", scene.listener.port, local_addr=(source, 0))


async def test_without_descriptors_clients_are_turned_away_and_admitted_again(open_site):
    scene = await open_site()
    known = await scene.caller()
    await known.read()
    scene.site._limit = 0
    assert b"" == await asyncio.wait_for((await scene.caller()).reader.read(), 2)
    assert OK == await known.read()
    scene.site._limit = 10**6
    assert OK == await (await scene.caller()).read()


async def test_a_fully_isolated_client_is_cut_and_not_admitted(open_site):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    now = scene.site.clock.now()
    cut = Isolation("127.0.0.1", "plc1", Scope.FULL, "why", "anna", now, now + SECOND // 5)
    scene.guard.quarantine.isolate(cut, now)
    scene.listener.wake()
    assert b"" == await asyncio.wait_for(caller.reader.read(), 2)
    assert b"" == await asyncio.wait_for((await scene.caller()).reader.read(), 2)
    await asyncio.sleep(0.25)
    assert OK == await (await scene.caller()).read()


async def test_half_an_adu_is_reaped(open_site):
    scene = await open_site(incomplete_timeout_s=1)
    caller = await scene.caller()
    caller.writer.write(b"\x00\x01\x00")
    assert b"" == await asyncio.wait_for(caller.reader.read(), 2)


async def test_an_idle_client_is_closed(open_site):
    scene = await open_site(idle_timeout_s=1)
    caller = await scene.caller()
    assert b"" == await asyncio.wait_for(caller.reader.read(), 2)


async def test_a_finding_is_one_record_however_often_it_is_found(open_site):
    scene = await open_site()
    finding = Finding(
        "twin", Layer.TWIN, "frozen", "LT101 is frozen", 1, "plc1", Decision.HOLD, point="LT101", technique="T0832"
    )
    for _ in range(3):
        scene.site._heard(links.Found((finding,)))
    (record,) = scene.records("finding")
    assert ("alert", "hold", "twin", "T0832") == (record.decision, record.would_be, record.layer, record.technique)


async def test_a_finding_of_an_unknown_conduit_is_ignored(open_site):
    scene = await open_site()
    scene.site._heard(links.Found((Finding("twin", Layer.TWIN, "x", "x", 1, "gone", Decision.ALERT),)))
    assert [] == scene.records("finding")


async def test_an_isolation_that_the_shadow_asks_for_keeps_to_the_bounds(open_site):
    scene = await open_site()
    wish = IsolationRequest("10.9.9.9", "plc1", Scope.FULL, "a scan", "flow", 60)
    scene.site._heard(links.Found((), (wish,)))
    assert ["not isolated"] == [record.facts["what"] for record in scene.records("isolation")]


async def test_an_opinion_that_nobody_asked_for_changes_nothing(open_site):
    scene = await open_site()
    assert not scene.listener.opinion(Opinion(99, Decision.ISOLATE, (), ""))


async def test_nothing_is_left_when_clients_are_gone(open_site, wait_until):
    scene = await open_site()
    await scene.shadow()
    callers = [await scene.caller() for _ in range(20)]
    for caller in callers:
        await caller.read()
        await caller.write(5, 1)
        caller.close()
    await wait_until(lambda: not scene.listener.ends)
    assert ({}, {}, {}) == (scene.guard.sessions, scene.guard.caches, scene.listener.asked)
