from icsguard.evaluation import cost


def test_both_costs_are_measured(bench):
    found = cost.measure(bench, 120)
    assert 120 == found.questions
    assert found.transactions >= 360
    assert 0 < found.seeing_us < 100_000
    assert 0 < found.asking_us < 100_000
