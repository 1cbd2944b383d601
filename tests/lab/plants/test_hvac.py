from icsguard.lab.plants.hvac import people


def test_people_are_there_by_day():
    assert people(0.5) > 0.9
    assert people(0.05) < 0.1


def test_a_full_heater_overheats_a_zone(later):
    assert later("hvac", 60, auto_1=0, manual_heat_1=100)["zone_1"] > 25


def test_without_a_fan_the_air_gets_bad(later):
    assert later("hvac", 900, fan_on=0)["co2"] > 1300


def test_a_zone_follows_its_set_point(later):
    assert abs(later("hvac", 300, setpoint_2=22.5)["zone_2"] - 22.5) < 0.8
