import asyncio

import pytest

from icsguard.control import replies, requests
from icsguard.control.replies import Done, Failure, FailureCode
from icsguard.core.decision import Mode
from icsguard.core.isolation import Scope
from icsguard.core.sandbox import Option, OptionCourse, Play, Sandbox, Violation
from icsguard.runtime.facade import Facade

OK = b"\x03\x02\x00\x00"
WRITTEN = b"\x06\x00\xc8\x00\x01"
HELD = b"\x86\x06"


@pytest.fixture
async def scene(open_site):
    made = await open_site()
    made.facade = Facade(made.site)

    async def ask(request):
        return await made.facade.handle(request, "anna")

    made.ask = ask
    return made


def test_every_request_has_its_verb(tmp_path, site_settings):
    asked = {one for one in vars(requests).values() if isinstance(one, type) and issubclass(one, requests.Asked)}
    assert asked - {requests.Asked, requests.Change} == set(Facade(None)._verbs)


async def test_isolate_and_release_act_at_once_and_name_their_undo(scene):
    caller = await scene.caller()
    await caller.read()
    done = await scene.ask(requests.Isolate(client="127.0.0.1", reason="a look", scope=Scope.WRITES))
    assert done.undo.startswith("icsguard release 127.0.0.1")
    assert HELD == await caller.write(5, 1)
    assert OK == await caller.read()
    assert isinstance(await scene.ask(requests.Release(client="127.0.0.1", reason="fine")), Done)
    assert 0x06 == (await caller.write(5, 1))[0]
    assert isinstance(await scene.ask(requests.Release(client="127.0.0.1", reason="again")), Failure)
    await scene.ask(requests.Isolate(client="127.0.0.1", reason="out"))
    assert b"" == await asyncio.wait_for(caller.reader.read(), 2)


async def test_an_isolation_without_bounds_must_be_said(scene):
    failure = await scene.ask(requests.Isolate(client="1.2.3.4", reason="x", seconds=requests.MAX_ISOLATION_S + 1))
    assert FailureCode.INVALID is failure.code
    done = await scene.ask(requests.Isolate(client="1.2.3.4", reason="x", permanent=True))
    assert 0 == done.until


async def test_only_an_address_can_be_isolated(scene):
    failure = await scene.ask(requests.Isolate(client="hmi; rm", reason="x"))
    assert (FailureCode.INVALID, []) == (failure.code, scene.guard.quarantine.isolations.all())


async def test_a_ticket_is_listed_explained_and_approved_for_one_pass(scene):
    caller = await scene.caller()
    assert HELD == await caller.write(200, 1)
    (ticket,) = (await scene.ask(requests.ListTickets())).tickets
    assert "write holding register 200" in ticket.request
    assert "hold" == (await scene.ask(requests.Explain(id=ticket.id))).record.decision
    assert isinstance(await scene.ask(requests.Approve(ticket=ticket.id, reason="agreed")), Done)
    assert WRITTEN == await caller.write(200, 1)
    assert HELD == await caller.write(200, 1)
    assert FailureCode.UNKNOWN is (await scene.ask(requests.Approve(ticket=ticket.id, reason="again"))).code


async def test_a_denied_ticket_stays_refused(scene):
    caller = await scene.caller()
    await caller.write(200, 1)
    (ticket,) = (await scene.ask(requests.ListTickets())).tickets
    assert isinstance(await scene.ask(requests.Deny(ticket=ticket.id, reason="no")), Done)
    assert HELD == await caller.write(200, 1)


async def test_a_mode_is_changed_kept_and_can_be_undone(scene):
    caller = await scene.caller()
    done = await scene.ask(requests.SetMode(conduit="plc1", mode=Mode.OBSERVE, reason="try"))
    assert "enforce" in done.undo
    assert 0x06 == (await caller.write(5, 101))[0]
    assert Mode.OBSERVE is scene.site.kept.saved.modes["plc1"].mode


async def test_enforcing_without_rules_is_refused(open_site, without_rules):
    made = await open_site(mode=Mode.LEARN, change=without_rules)
    failure = await Facade(made.site).handle(requests.SetMode(conduit="plc1", mode=Mode.ENFORCE, reason="x"), "anna")
    assert (FailureCode.REFUSED, "icsguard learn plc1" in failure.hint) == (failure.code, True)


async def test_a_grant_permits_for_a_while_and_can_be_ended(scene):
    caller = await scene.caller()
    assert 0x83 == (await caller.read(300))[0]
    done = await scene.ask(
        requests.AddGrant(conduit="plc1", client="127.0.0.1", seconds=60, ranges=("holding 300",), reason="work")
    )
    assert OK == await caller.read(300)
    (grant,) = (await scene.ask(requests.ListGrants())).grants
    assert ("anna", "work", "plc1") == (grant.by, grant.reason, grant.conduit)
    assert grant.id in done.undo
    assert isinstance(await scene.ask(requests.EndGrant(conduit="plc1", id=grant.id, reason="done")), Done)
    assert 0x83 == (await caller.read(300))[0]


async def test_a_grant_for_nothing_is_refused(scene):
    request = requests.AddGrant(conduit="plc1", client="127.0.0.1", seconds=60, points=("nothing",), reason="x")
    assert FailureCode.INVALID is (await scene.ask(request)).code


async def test_a_failed_reload_shows_every_problem(scene):
    failure = await scene.ask(requests.Reload(reason="try"))  # there is no such file
    assert (FailureCode.INVALID, True) == (failure.code, bool(failure.details))


async def test_a_changed_model_is_put_on_record_and_told_to_the_shadow(scene, monkeypatch):
    told = []
    monkeypatch.setattr(scene.site, "tell_parts", lambda: told.append(1))
    done = await scene.ask(requests.NoteModel(conduit="plc1", what="the model of plc1 is new", reason="trial won"))
    assert ("the model of plc1 is new", [1]) == (done.text, told)
    record = scene.site.run.find(done.record)
    assert ("trial won", "plc1") == (record.facts["reason"], record.conduit)
    unknown = await scene.ask(requests.NoteModel(conduit="plc9", what="x", reason="y"))
    assert FailureCode.UNKNOWN == unknown.code


@pytest.fixture
def warned(scene, monkeypatch):
    """The twin sees harm in isolating this client."""
    bad = Violation("level", 4.5, 38.0, 4.9, 0.2, surely=True, trusted=True)
    course = OptionCourse("isolate 127.0.0.1", "leaves the safe range", (bad,), (), is_worse=True)

    async def try_out(_link, conduit, options):
        return Sandbox(conduit, 1.0, (course,)) if options[0].client == "127.0.0.1" else None

    monkeypatch.setattr(scene.site.questions, "try_out", try_out)


async def test_a_remedy_that_leaves_the_safe_range_needs_two_people(scene, warned):
    asked = requests.Isolate(client="127.0.0.1", reason="odd")
    for operator in ("anna", "anna"):
        refused = await scene.facade.handle(asked, operator)
        assert (FailureCode.REFUSED, True) == (refused.code, "level reaches 4.9 (limit 4.5) in 38 s" in refused.text)
    done = await scene.facade.handle(asked, "ben")
    assert "anna and ben approved it" in done.text
    assert "is isolated" in (await scene.facade.handle(requests.Isolate(client="10.9.9.9", reason="odd"), "anna")).text


async def test_alternatives_are_tried_in_the_shadow(scene, warned):
    option = Option(Play.ISOLATE, client="127.0.0.1")
    tried = await scene.ask(requests.TryOut(conduit="plc1", options=(option,)))
    assert "isolate 127.0.0.1" == tried.result.options[0].name
    none = await scene.ask(requests.TryOut(conduit="plc1", options=(Option(Play.ISOLATE, client="10.0.0.1"),)))
    assert FailureCode.UNAVAILABLE == none.code
    many = await scene.ask(requests.TryOut(conduit="plc1", options=(option,) * 9))
    assert FailureCode.INVALID == many.code
    assert FailureCode.UNKNOWN == (await scene.ask(requests.TryOut(conduit="plc9", options=()))).code


async def test_stop_drains(scene):
    assert isinstance(await scene.ask(requests.Stop(reason="evening")), Done)
    assert scene.site.stopping.is_set()


async def test_every_change_is_on_record_with_who_and_why(scene):
    await scene.ask(requests.SetMode(conduit="plc1", mode=Mode.OBSERVE, reason="try"))
    (record,) = scene.records("operator")
    assert ("anna", "try", "plc1") == (record.facts["by"], record.facts["reason"], record.conduit)
    assert replies.Status is type(status := await scene.ask(requests.GetStatus()))
    assert "observe" in status.last_change
