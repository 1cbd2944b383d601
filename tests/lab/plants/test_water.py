def test_a_stopped_well_pump_empties_the_first_tank(later):
    assert later("water", 30, pump_1=0)["level_1"] < 1.0


def test_a_stopped_transfer_pump_fills_the_first_tank(later):
    assert later("water", 20, pump_2=0)["level_1"] > 2.3


def test_a_level_follows_its_set_point(later):
    assert abs(later("water", 400, setpoint_2=2.3)["level_2"] - 2.3) < 0.15
