"""The scenarios are those that were promised, in both forms."""

from bench.scenarios import scenarios


def test_the_full_form_has_every_connection_count_and_the_open_loop():
    found = {one.name: one.load for one in scenarios(short=False, seconds=5)}
    assert [1, 16, 128, 1000] == [found[name].connections for name in ("c1", "c16", "c128", "c1000")]
    assert (50, 10.0) == (found["open50"].connections, found["open50"].rate)
    assert all(load.warm_up == 1 for load in found.values()), "the first second is thrown away"
    assert 15 == found["open50"].seconds


def test_a_tenth_are_writes_and_one_scenario_has_forbidden_requests():
    found = {one.name: one.load for one in scenarios(short=False, seconds=5)}
    assert all(load.writes == 0.1 for name, load in found.items() if name != "c16-reads")
    assert 0.05 == found["c16-deny"].forbidden


def test_the_short_form_is_a_part_of_the_full_one():
    short = {one.name for one in scenarios(short=True, seconds=1)}
    assert short < {one.name for one in scenarios(short=False, seconds=1)}
