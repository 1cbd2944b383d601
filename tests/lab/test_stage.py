import pytest

from icsguard.lab.guarding import GuardError, Guarding
from icsguard.lab.stage import Stage


async def test_on_the_stage_everything_runs_and_afterwards_nothing_is_left():
    async with Stage(seed=3) as stage:
        status = await stage.guarding.status()
        assert {part.role: part.state for part in status.parts} == {"shadow": "up", "recorder": "up"}
        assert stage.guarded.port != stage.guarded.plant.port
        assert stage.bare.port == stage.bare.plant.port
        folder, plants = stage.folder, (stage.guarded.plant, stage.bare.plant)
    assert not folder.exists()
    assert all(plant._process.returncode is not None for plant in plants)
    with pytest.raises(GuardError):
        await stage.guarding.status()


async def test_a_stage_that_cannot_be_raised_is_cleared_away(monkeypatch):
    async def fail(_guarding):
        raise GuardError("no")

    monkeypatch.setattr(Guarding, "start", fail)
    stage = Stage(seed=3)
    with pytest.raises(GuardError):
        async with stage:
            pass
    assert not stage.folder.exists()
    assert all(plant._process.returncode is not None for plant in stage._plants)
