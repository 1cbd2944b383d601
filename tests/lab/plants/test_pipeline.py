from icsguard.lab.plants.api import Outside
from icsguard.lab.plants.pipeline import demand


def test_without_compressor_the_customer_starves(later):
    assert later("pipeline", 60, compressor=0)["delivery"] < 40


def test_a_closed_customer_valve_packs_the_line(later):
    assert later("pipeline", 60, customer_valve=0)["delivery"] > 55


def test_the_discharge_pressure_follows_its_set_point(later):
    assert abs(later("pipeline", 400, setpoint_discharge=62)["discharge"] - 62) < 1.5


def test_demand_is_higher_in_the_first_half_of_the_day():
    assert demand(Outside(0.25, 0, 0)) > demand(Outside(0.75, 0, 0))
