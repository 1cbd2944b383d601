from icsguard.evaluation.form import FORMS, FULL, SHORT
from icsguard.evaluation.plan import is_frozen
from icsguard.evaluation.recorded import PROCESSES
from icsguard.evaluation.studies import STUDIES
from icsguard.lab.plants.catalog import FROZEN, PLANTS


def test_the_full_form_has_every_plant_every_set_and_every_study():
    assert set(PLANTS) == set(FULL.plants)
    assert set(PROCESSES) < set(FULL.real)
    assert set(STUDIES) == set(FULL.studies)


def test_the_short_form_needs_no_data():
    assert 2 == len(SHORT.plants)
    assert () == SHORT.real


def test_the_full_form_learns_a_month_and_is_quiet_for_a_month():
    assert 30 * 86_400 / 20 == FULL.learn_polls == FULL.clean_polls
    assert {"short", "full"} == set(FORMS)


def test_the_full_form_tries_each_kind_by_the_hundred():
    assert FULL.lies >= 100
    assert FULL.harmful * len(FROZEN) >= 300
    assert FULL.requests * 8 * len(FROZEN) >= 10_000


def test_a_plant_is_frozen_or_it_is_not():
    assert {plant.name for plant in FROZEN} == {name for name in PLANTS if is_frozen(name)}
