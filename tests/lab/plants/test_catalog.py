import hashlib

import pytest

from icsguard.lab.plants.api import Outside
from icsguard.lab.plants.catalog import FROZEN, PLANTS, SEEN, TUNED
from icsguard.lab.plants.shift import Shift, run
from icsguard.lab.plants.site import PlantSite

DIGESTS = {
    "water": "73d74871ef914075",
    "pipeline": "6e9b5142c6ccc20d",
    "hvac": "c6d004f73816fd5d",
    "boiler": "76c473c50fc7cf72",
    "feeder": "11312ebc2e7c220a",
    "reactor": "b7ff40b19490663b",
    "neutraliser": "6d2b9a2f20f0913a",
    "heating": "6ba58e09c0506339",
    "coldstore": "812f48906a889db4",
}
"""Of the bytes of 2 500 polls and writes: what was measured on these plants holds for no others."""


def test_three_plants_are_tuned_on_and_three_others_are_frozen():
    assert (3, 6, 3) == (len(TUNED), len(SEEN), len(FROZEN))
    assert 9 == len({plant.name for plant in (*SEEN, *FROZEN)})


@pytest.mark.parametrize("name", PLANTS)
def test_normal_operation_stays_in_the_safe_range(worked, name):
    plant = worked(name)
    for tag in plant.plant.measured:
        low, high = tag.safe
        assert low is None or plant.low[tag.name] > low, tag.name
        assert high is None or plant.high[tag.name] < high, tag.name


@pytest.mark.parametrize("name", PLANTS)
def test_every_sensor_moves_and_every_command_is_used(worked, name):
    plant = worked(name)
    still = [tag.name for tag in plant.plant.measured if plant.low[tag.name] == plant.high[tag.name]]
    assert [] == still
    assert {tag.name for tag in plant.plant.commands if tag.usual} <= {write.name for write in plant.writes}


@pytest.mark.parametrize("name", PLANTS)
def test_every_value_fits_its_register(worked, name):
    plant = worked(name)
    for tag in plant.plant.tags:
        assert plant.low[tag.name] >= tag.offset
        assert plant.high[tag.name] <= 65_534 * tag.scale + tag.offset


@pytest.mark.parametrize("name", PLANTS)
def test_a_step_changes_nothing_that_it_was_given(name):
    plant = PLANTS[name]
    before, told = dict(plant.start), {tag.name: tag.start for tag in plant.commands}
    plant.advance(plant.start, told, Outside(0.3, 0.1, -0.2), plant.step_s)
    assert before == plant.start
    assert set(before) == set(plant.advance(plant.start, told, Outside(0.3, 0.1, -0.2), plant.step_s))


@pytest.mark.parametrize("name", DIGESTS)
def test_one_seed_gives_the_same_bytes_in_every_version(name):
    digest = hashlib.sha256()
    for one in run(PlantSite(PLANTS[name], 11), Shift(PLANTS[name], 12), 2_500):
        digest.update(one.request + one.response)
    assert DIGESTS[name] == digest.hexdigest()[:16]


@pytest.mark.parametrize("name", PLANTS)
def test_what_operators_write_is_permitted_and_what_is_permitted_fits_its_register(name):
    for tag in PLANTS[name].commands:
        if tag.writable is None:
            continue
        low, high = tag.writable
        assert tag.offset <= low <= high <= 65_534 * tag.scale + tag.offset
        assert low <= tag.start <= high
        assert tag.usual is None or low <= tag.usual[0] < tag.usual[1] <= high
    permitted = {tag.name: tag.writable or (0, 1) for tag in PLANTS[name].commands}
    for stroke in (*PLANTS[name].recipe, *(one for routine in PLANTS[name].maintenance for one in routine)):
        low, high = permitted[stroke.name]
        assert low <= stroke.low <= stroke.high <= high


@pytest.mark.parametrize("name", [plant.name for plant in FROZEN])
def test_finer_pieces_change_nothing_that_a_sensor_would_see(name):
    plant = PLANTS[name]
    told = {tag.name: sum(tag.usual) / 2 if tag.usual else tag.start for tag in plant.commands}
    ends = []
    for seconds in (plant.step_s, plant.step_s / 8):
        state = plant.start
        for _ in range(round(1200 / seconds)):
            state = plant.advance(state, told, Outside(0.25, 0.0, 0.0), seconds)
        ends.append(state)
    for tag in plant.measured:
        assert ends[1][tag.name] == pytest.approx(ends[0][tag.name], abs=3 * max(tag.noise, tag.scale)), tag.name
