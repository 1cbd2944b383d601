import asyncio

import pytest

from icsguard.core.decision import Layer
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.verdict import Decision, Reason
from icsguard.lab.attacks.book import ATTACKS
from icsguard.lab.attacks.scene import HMI, STATION
from icsguard.lab.lanes import Lane, address_of, bare_trial, guarded_trial
from icsguard.lab.plant_process import PlantProcess
from icsguard.lab.scada import Scada

BY_KEY = {attack.key: attack for attack in ATTACKS}


@pytest.fixture
async def lane():
    plant = await PlantProcess.start(seed=6)
    scada = Scada(plant.port, HMI, seed=6)
    task = asyncio.get_running_loop().create_task(scada.run())
    yield Lane(plant, plant.port, scada, asyncio.get_running_loop().time())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await plant.stop()
    await asyncio.sleep(0.02)


async def at_77():
    return 77


def record(layer, decision="refuse"):
    reason = Reason(layer, "not-permitted", "nobody knows this client", Decision.REFUSE)
    return Record(
        "r1-000001", RecordKind.VERDICT, 5, Severity.HIGH, "refused", layer=str(layer), decision=decision,
        reasons=(reason,), latency_us=120, technique="T0855",
    )  # fmt: skip


async def test_an_attack_on_the_bare_plant_succeeds_and_is_told_with_its_harm(lane):
    trial = await bare_trial(lane, BY_KEY["mask-write"], 4)
    assert trial.held
    assert not trial.guarded
    assert trial.harms == ("the dry-run interlock is bypassed",)
    assert (trial.answered, trial.arrived, trial.address) == (2, 2, HMI)


async def test_a_gateway_that_lets_everything_pass_fails_the_checks(lane):
    async def no_records(address, since):
        return []

    trial = await guarded_trial(lane, BY_KEY["mask-write"], 4, no_records, at_77)
    assert not trial.held
    assert [check.held for check in trial.checks] == [False, False, False, False, True]


async def test_the_layer_that_caught_it_is_read_from_the_gateway_s_records(lane):
    asked = []

    async def records(address, since):
        asked.append((address, since))
        return [record(Layer.MODEL, "alert"), record(Layer.RESOURCES), record(Layer.POLICY)]

    trial = await guarded_trial(lane, BY_KEY["mask-write"], 4, records, at_77)
    assert asked == [(HMI, 77)]
    assert trial.caught.layers == ("resources", "policy")
    assert trial.caught.noticed == ("model",)
    assert (trial.caught.layer, trial.caught.code, trial.caught.latency_us) == ("policy", "not-permitted", 120)
    assert trial.caught.text == "nobody knows this client"


def test_every_rogue_has_an_address_of_its_own_and_known_clients_keep_theirs():
    rogues = [address_of(attack, number) for number, attack in enumerate(ATTACKS) if attack.who == "rogue"]
    assert len(set(rogues)) == len(rogues)
    assert address_of(BY_KEY["programming"], 0) == STATION
    assert address_of(BY_KEY["slow-ramp"], 0) == HMI
