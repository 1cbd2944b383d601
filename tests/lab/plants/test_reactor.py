from icsguard.lab.plants.reactor import RECIPE, TAGS


def test_charging_without_end_overfills_the_vessel(later):
    assert later("reactor", 120, charge=1)["volume"] > 4.2


def test_the_reaction_heats_the_vessel(later):
    hot = {"reactant": 0.0}
    hot |= later("reactor", 300, dose=1, setpoint_temperature=65)
    assert hot["temperature"] > 55
    assert hot["reactant"] < 0.5


def test_a_vessel_without_agitator_heats_slowly(later):
    stirred, still = (later("reactor", 8, agitator=on, setpoint_temperature=65)["temperature"] for on in (1, 0))
    assert stirred - 20 > 2 * (still - 20)


def test_the_recipe_writes_only_what_there_is():
    names = {tag.name for tag in TAGS}
    assert {stroke.name for stroke in RECIPE} <= names
