from icsguard.lab.guarding import GuardError
from icsguard.lab.ua_guarding import UaGuarding
from icsguard.lab.ua_stage import UaStage


async def test_a_stage_that_cannot_be_raised_is_cleared_away(monkeypatch):
    async def fail(_guarding):
        raise GuardError("no")

    monkeypatch.setattr(UaGuarding, "start", fail)
    stage = UaStage(seed=3)
    try:
        async with stage:
            raise AssertionError("it was raised")
    except GuardError:
        pass
    assert not stage.folder.exists()
    assert 2 == len(stage._plants)
    assert all(plant._process.returncode is not None for plant in stage._plants)
