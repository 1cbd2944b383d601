import pytest

from icsguard.lab.plants.catalog import FROZEN, PLANTS, TUNED


def test_three_plants_are_tuned_on_and_three_others_are_frozen():
    assert (3, 3) == (len(TUNED), len(FROZEN))
    assert 6 == len({plant.name for plant in (*TUNED, *FROZEN)})


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
    from icsguard.lab.plants.api import Outside

    plant = PLANTS[name]
    before, told = dict(plant.start), {tag.name: tag.start for tag in plant.commands}
    plant.advance(plant.start, told, Outside(0.3, 0.1, -0.2), plant.step_s)
    assert before == plant.start
    assert set(before) == set(plant.advance(plant.start, told, Outside(0.3, 0.1, -0.2), plant.step_s))
