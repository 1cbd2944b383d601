def test_an_open_breaker_takes_the_load_away_and_raises_the_voltage(later):
    opened, closed = later("feeder", 1, breaker_2=0), later("feeder", 1)
    assert 0 == opened["power_2"]
    assert opened["voltage"] > closed["voltage"] + 0.3


def test_the_tap_changer_brings_the_voltage_back(later):
    state = later("feeder", 120, setpoint_voltage=20.3)
    assert abs(state["voltage"] - 20.3) < 0.5


def test_a_tap_at_its_end_leaves_the_voltage_out_of_range(later):
    assert later("feeder", 3, auto_tap=0, manual_tap=2)["voltage"] < 18.8


def test_without_fans_the_oil_gets_hotter(later):
    assert later("feeder", 600, fan_command=0)["oil"] > later("feeder", 600)["oil"] + 5
