"""Ratios are taken inside one round; a row with errors has no figure."""

from bench import ratios
from bench.ratios import Spread


def test_a_ratio_is_of_the_same_round(a_row):
    rows = [
        a_row(0, "nginx", per_second=100.0),
        a_row(0, "icsguard", per_second=90.0),
        a_row(1, "nginx", per_second=50.0),
        a_row(1, "icsguard", per_second=40.0),
        a_row(2, "nginx", per_second=10.0),
        a_row(2, "icsguard", per_second=10.0),
    ]
    assert Spread(0.8, 0.9, 1.0, 3) == ratios.ratio(rows, "icsguard", "nginx", "c16", ratios.throughput)


def test_a_round_without_the_other_has_no_ratio(a_row):
    rows = [a_row(0, "nginx"), a_row(1, "icsguard"), a_row(0, "icsguard", "c128")]
    assert None is ratios.ratio(rows, "icsguard", "nginx", "c16", ratios.throughput)


def test_a_row_with_errors_has_no_figure(a_row):
    rows = [a_row(0, "nginx"), a_row(0, "icsguard", errors=1)]
    assert None is ratios.ratio(rows, "icsguard", "nginx", "c16", ratios.throughput)
    assert None is ratios.over(rows, "icsguard", "c16", ratios.p50)


def test_cost_is_per_transaction(a_row):
    assert Spread(12.5, 12.5, 12.5, 1) == ratios.over([a_row(0, "x", own_us=12.5)], "x", "c16", ratios.own_cpu)


def test_a_spread_is_said_with_its_ends():
    assert "0.90 (0.80..1.00)" == Spread(0.8, 0.9, 1.0, 3).words()
