def test_without_fire_the_pressure_falls(later):
    assert later("boiler", 60, burner=0)["pressure"] < 7


def test_without_feed_water_the_drum_runs_dry(later):
    assert later("boiler", 80, feed_pump=0)["level"] < 25


def test_full_fire_in_manual_passes_the_safe_pressure(later):
    assert later("boiler", 60, auto_pressure=0, manual_fuel=100)["pressure"] > 13


def test_the_oxygen_is_that_of_air_without_a_flame(later):
    assert later("boiler", 60, burner=0)["oxygen"] > 20
