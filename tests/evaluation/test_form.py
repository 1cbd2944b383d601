from icsguard.evaluation.form import FORMS, FULL, SHORT
from icsguard.evaluation.recorded import PROCESSES
from icsguard.lab.plants.catalog import FROZEN, PLANTS


def test_the_full_form_has_every_plant_and_every_set():
    assert set(PLANTS) == set(FULL.plants)
    assert set(PROCESSES) < set(FULL.real)


def test_the_short_form_has_a_frozen_plant_too_and_needs_no_data():
    assert {plant.name for plant in FROZEN} & set(SHORT.plants)
    assert () == SHORT.real


def test_the_full_form_learns_and_judges_a_week():
    assert FULL.learn_polls == FULL.clean_polls == 7 * 86_400 / 20
    assert {"short", "full"} == set(FORMS)


def test_the_full_form_tries_each_kind_by_the_hundred():
    assert FULL.lies * len(PLANTS) >= 300
    assert FULL.lies * len(FROZEN) >= 150
    assert FULL.requests >= 300
