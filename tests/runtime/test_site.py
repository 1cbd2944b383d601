import asyncio
import sys
from dataclasses import replace

import msgspec
import pytest

from icsguard.core.decision import Mode
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.runtime import site as module
from icsguard.runtime.compiler import Compiled, CompileError
from icsguard.runtime.gateway import SWITCH_S
from icsguard.runtime.site import Site, SiteError

OK = b"\x03\x02\x00\x00"


@pytest.fixture
def compiles(monkeypatch):
    """Have the checker give what a test says."""

    def give(result):
        async def compile_beside(_config):
            await asyncio.sleep(0)
            if isinstance(result, Exception):
                raise result
            return Compiled(result, msgspec.msgpack.encode(result), ("careful",))

        monkeypatch.setattr(module, "compile_beside", compile_beside)

    return give


async def test_a_reload_changes_the_policy_and_drops_no_connection(open_site, compiles, without_rules):
    scene = await open_site()
    caller = await scene.caller()
    assert [OK, OK] == [await caller.read() for _ in range(2)]
    compiles(without_rules(scene.site.settings))
    assert () == await scene.site.reload("a new policy", "anna")
    assert 0x83 == (await caller.read())[0]
    assert ("careful",) == tuple(scene.site.warnings.values())
    assert 1 == scene.device.connections


async def test_a_bad_reload_keeps_the_last_good_one_and_says_so(open_site, compiles):
    scene = await open_site()
    caller = await scene.caller()
    compiles(CompileError(("plc1.policy.toml:3: unknown key 'unit'",)))
    assert ("plc1.policy.toml:3: unknown key 'unit'",) == await scene.site.reload("try", "anna")
    assert OK == await caller.read()
    assert "plc1.policy.toml:3" in scene.site.warnings["reload"]
    compiles(scene.site.settings)
    assert () == await scene.site.reload("try again", "anna")
    assert "reload" not in scene.site.warnings


async def test_a_hundred_reloads_under_load_hurt_nobody(open_site, compiles):
    scene = await open_site()
    caller = await scene.caller()
    compiles(scene.site.settings)
    reloads = asyncio.get_running_loop().create_task(_reload_often(scene.site))
    answers = []
    while not reloads.done():
        answers.append(await caller.read())
    assert {OK} == set(answers)
    assert 1 == scene.device.connections


async def _reload_often(site):
    for _ in range(100):
        await site.reload("again", "anna")


async def test_a_reload_opens_new_conduits_and_closes_old_ones(open_site, compiles):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    (conduit,) = scene.site.settings.conduits
    compiles(replace(scene.site.settings, conduits=(replace(conduit, name="plc2"),)))
    assert () == await scene.site.reload("moved", "anna")
    assert ["plc2"] == list(scene.site.listeners)
    assert b"" == await asyncio.wait_for(caller.reader.read(), 2)


async def test_a_changed_mode_in_the_file_wins_over_the_operators(open_site, compiles):
    scene = await open_site()
    scene.site.kept.set_mode(scene.guard, Mode.OBSERVE)
    (conduit,) = scene.site.settings.conduits
    compiles(replace(scene.site.settings, conduits=(replace(conduit, mode=Mode.LEARN),)))
    await scene.site.reload("changed", "anna")
    assert Mode.LEARN is scene.guard.mode


async def test_an_operators_mode_outlives_a_reload_that_does_not_touch_it(open_site, compiles):
    scene = await open_site()
    scene.site.kept.set_mode(scene.guard, Mode.OBSERVE)
    compiles(scene.site.settings)
    await scene.site.reload("other things", "anna")
    assert Mode.OBSERVE is scene.guard.mode


async def test_a_reload_says_what_needs_a_restart(open_site, compiles):
    scene = await open_site()
    settings = scene.site.settings
    compiles(replace(settings, gateway=replace(settings.gateway, run_dir="/elsewhere")))
    (problem,) = await scene.site.reload("moved", "anna")
    assert "run_dir changes only when the gateway is restarted" in problem


@pytest.fixture
def quick_switches():
    """As the gateway process sets it at its start."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    yield
    sys.setswitchinterval(before)


async def test_a_large_policy_is_loaded_while_traffic_goes_on(open_site, compiles, quick_switches):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    (conduit,) = scene.site.settings.conduits
    points = tuple(Point(f"p{n}", 1 + n // 5000, Table.INPUT, n % 5000) for n in range(10_000))
    large = replace(conduit, policy=replace(conduit.policy, points=points, digest="large"))
    compiles(replace(scene.site.settings, conduits=(large,)))
    reload = asyncio.get_running_loop().create_task(scene.site.reload("large", "anna"))
    answers = 0
    while not reload.done():
        assert OK == await caller.read()
        answers += 1
    assert answers > 3
    assert "large" == scene.guard.judge.digest


async def test_a_port_in_use_is_one_clear_line(open_site, site_settings, tmp_path):
    scene = await open_site()
    settings = site_settings(tmp_path / "other", 502)
    settings = replace(settings, conduits=(replace(settings.conduits[0], listen_port=scene.listener.port),))
    other = Site(tmp_path / "x.toml", settings, b"")
    with pytest.raises(SiteError, match=r"plc1 cannot listen at 127.0.0.1:\d+: .*holds the port"):
        await other.start()
    await other.close()


async def test_a_run_dir_that_cannot_be_used_is_one_clear_line(site_settings, tmp_path):
    (tmp_path / "run").write_text("a file is in the way")
    other = Site(tmp_path / "x.toml", site_settings(tmp_path, 502), b"")
    with pytest.raises(SiteError, match="icsguard doctor"):
        await other.start()
    await other.close()


async def test_a_drain_answers_what_is_under_way_and_takes_nothing_new(open_site, frame, next_adu):
    scene = await open_site()
    caller = await scene.caller()
    await caller.read()
    scene.device.delay = 0.2
    caller.writer.write(frame(9, b"\x03\x00\x01\x00\x01"))
    await asyncio.sleep(0.05)
    draining = asyncio.get_running_loop().create_task(scene.site.drain())
    assert frame(9, OK) == await next_adu(caller.reader)
    assert b"" == await asyncio.wait_for(caller.reader.read(), 2)
    await draining
    with pytest.raises(OSError, match="Connect call failed"):
        await scene.caller()


async def test_a_drain_ends_even_if_the_device_is_silent(open_site, frame):
    scene = await open_site(device_timeout_ms=100)
    caller = await scene.caller()
    scene.device.silent = True
    caller.writer.write(frame(9, b"\x03\x00\x01\x00\x01"))
    await asyncio.sleep(0.03)
    await asyncio.wait_for(scene.site.drain(), 2)
    assert {} == scene.listener.ends


async def test_a_stepped_wall_clock_is_on_record_and_reaches_policy(open_site, monkeypatch, wait_until):
    monkeypatch.setattr(module, "KEEP_S", 0.01)
    scene = await open_site()
    monkeypatch.setattr(type(scene.site.clock), "wall_shift", lambda self: 30 * 86400 * 10**9)
    await wait_until(lambda: any("stepped" in record.text for record in scene.site.run.recent))
    assert 30 * 86400 * 10**9 == scene.guard.memory.wall_shift


async def test_a_damaged_state_file_is_said_and_the_site_starts(open_site, tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "gateway-state.json").write_text("{")
    scene = await open_site()
    assert Mode.ENFORCE is scene.guard.mode
    assert "gateway-state.json" in scene.site.warnings["state"]


async def test_parts_learn_of_a_changed_mode(open_site, wait_until):
    scene = await open_site()
    shadow = await scene.shadow()
    scene.site.kept.set_mode(scene.guard, Mode.LEARN)
    scene.site.tell_parts()
    await wait_until(lambda: len(shadow.configured) == 2)
    assert [(("plc1", "enforce"),), (("plc1", "learn"),)] == [message.modes for message in shadow.configured]
    assert scene.site.clock.anchor == shadow.configured[0].anchor


async def test_the_shadow_sees_each_transaction_once(open_site, wait_until):
    scene = await open_site()
    shadow = await scene.shadow()
    caller = await scene.caller()
    for _ in range(200):
        await caller.read()
    await wait_until(lambda: sum(len(batch.transactions) for batch in shadow.batches) == 200)
    numbers = [t.number for batch in shadow.batches for t in batch.transactions]
    assert sorted(set(numbers)) == numbers


async def test_a_gateway_that_may_open_few_files_still_serves_somebody(open_site):
    scene = await open_site()
    scene.site._limit = 64
    assert scene.site.may_open()
    assert b"\x03\x02\x00\x00" == await (await scene.caller()).read()


async def test_a_reload_says_which_keys_of_shared_links_wait_for_a_restart(open_site, compiles):
    scene = await open_site(links=1)
    settings = scene.site.settings
    (conduit,) = settings.conduits
    changed = replace(conduit, links=2, min_gap_ms=5, device_timeout_ms=700, quirks=("echo_differs",))
    compiles(replace(settings, conduits=(changed,)))
    problems = await scene.site.reload("more links", "anna")
    assert ["links", "min_gap_ms", "device_timeout_ms", "quirks"] == [problem.split()[1] for problem in problems]
    caller = await scene.caller()
    assert OK == await caller.read()
    assert 1 == len(scene.guard.pool.lanes)


async def test_shared_links_follow_a_device_that_moved(open_site, compiles, new_device):
    scene = await open_site(links=1)
    caller = await scene.caller()
    assert OK == await caller.read()
    there = await new_device().start()
    (conduit,) = scene.site.settings.conduits
    compiles(replace(scene.site.settings, conduits=(replace(conduit, device_port=there.port),)))
    assert () == await scene.site.reload("moved", "anna")
    assert OK == await caller.read()
    assert (1, 1) == (len(scene.device.seen), len(there.seen))
    await there.stop()


async def test_shared_links_of_a_removed_conduit_are_given_back(open_site, compiles, wait_until):
    scene = await open_site(links=1)
    caller = await scene.caller()
    await caller.read()
    pool = scene.guard.pool
    compiles(replace(scene.site.settings, conduits=()))
    await scene.site.reload("gone", "anna")
    await wait_until(lambda: not pool.is_up)
