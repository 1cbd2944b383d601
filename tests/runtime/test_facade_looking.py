import pytest

from icsguard.control import requests
from icsguard.control.replies import Failure, FailureCode
from icsguard.core.record import RecordKind
from icsguard.runtime.facade import Facade
from icsguard.runtime.facade_looking import Looking


@pytest.fixture
async def scene(open_site):
    made = await open_site()
    made.facade = Facade(made.site)

    async def ask(request):
        return await made.facade.handle(request, "anna")

    made.ask = ask
    return made


async def test_status_fits_one_reply(scene):
    status = await scene.ask(requests.GetStatus())
    assert (["plc1"], ["shadow", "recorder"]) == ([c.name for c in status.conduits], [p.role for p in status.parts])
    assert ["down", "down"] == [part.state for part in status.parts]


async def test_sessions_of_one_conduit_or_all(scene):
    caller = await scene.caller()
    await caller.read()
    for conduit in ("", "plc1"):
        assert 1 == len((await scene.ask(requests.GetSessions(conduit=conduit))).sessions)
    failure = await scene.ask(requests.GetSessions(conduit="gone"))
    assert (FailureCode.UNKNOWN, "plc1" in failure.text) == (failure.code, True)


async def test_points_need_the_shadow(scene):
    assert FailureCode.UNAVAILABLE is (await scene.ask(requests.GetPoints())).code


async def test_explain_finds_a_record_by_id_and_the_last_one(scene):
    caller = await scene.caller()
    await caller.write(5, 101)
    last = await scene.ask(requests.Explain(id="last"))
    assert "refuse" == last.record.decision
    assert last.record == (await scene.ask(requests.Explain(id=last.record.id))).record
    assert isinstance(await scene.ask(requests.Explain(id="nonsense")), Failure)


async def test_records_are_chosen_by_kind_client_and_number(scene):
    caller = await scene.caller()
    for value in (101, 102):
        await caller.write(5, value)
    await caller.read(300)
    assert 3 == len((await scene.ask(requests.GetRecords(kind=RecordKind.VERDICT))).records)
    assert 1 == len((await scene.ask(requests.GetRecords(last=1))).records)
    assert () == (await scene.ask(requests.GetRecords(client="10.9.9.9"))).records
    assert () == (await scene.ask(requests.GetRecords(last=0))).records


def test_nothing_that_only_looks_is_a_change():
    assert not [verb for verb in Looking(None).verbs if issubclass(verb, requests.Change)]
