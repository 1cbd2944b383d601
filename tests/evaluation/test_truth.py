import pytest

from icsguard.evaluation import truth
from icsguard.lab.plants.catalog import PLANTS
from icsguard.lab.plants.site import PlantSite


@pytest.fixture
def site():
    site = PlantSite(PLANTS["water"], 3)
    for _ in range(50):
        site.advance()
    return site


def test_a_stopped_pump_is_harm_with_a_place_and_a_time(site):
    tag, polls = truth.leaves_safe_range(site, "pump_1", 0)
    assert tag.startswith("level")
    assert 2 < polls < truth.HORIZON


def test_a_small_move_is_no_harm(site):
    assert truth.leaves_safe_range(site, "setpoint_1", 2.1) is None


def test_asking_changes_nothing(site):
    before, told = dict(site.state), dict(site.told)
    truth.leaves_safe_range(site, "pump_1", 0)
    assert (before, told) == (site.state, site.told)


def test_what_would_happen_anyway_is_not_the_writes_doing(site):
    site.write("pump_1", 0)
    for _ in range(15):
        site.advance()
    assert truth.leaves_safe_range(site, "dose", 0.9) is None


def test_harm_that_comes_anyway_is_a_writes_doing_only_where_it_comes_clearly_sooner(site):
    site.write("auto_1", 0)
    site.write("manual_speed_1", 70)
    hardly, clearly = (truth.leaves_safe_range(site, "manual_speed_1", speed) for speed in (70.5, 98))
    assert hardly is None
    assert "level_1" == clearly[0]


def test_a_limit_is_left_when_it_is_clearly_passed(site):
    assert not truth.is_outside(site)
    site.state["level_1"] = 3.01
    assert not truth.is_outside(site)
    site.state["level_1"] = 3.05
    assert truth.is_outside(site)
