"""Targets: a floor and a ceiling, three answers, and never a figure where there was none."""

from dataclasses import replace

import pytest

from bench.ratios import Spread
from bench.targets import Target, targets
from bench.trials import Trial


@pytest.mark.parametrize(
    ("is_floor", "value", "verdict"),
    [
        (True, 0.95, "aim"),
        (True, 0.90, "aim"),
        (True, 0.80, "must"),
        (True, 0.74, "MISSED"),
    ],
)
def test_a_floor_is_reached_from_above(is_floor, value, verdict):
    measured = Spread(value, value, value, 1)
    assert verdict == Target("x", 0.75, 0.90, is_floor=is_floor, unit="x", measured=measured).verdict


@pytest.mark.parametrize(("value", "verdict"), [(0.5, "aim"), (1.0, "aim"), (1.5, "must"), (2.5, "MISSED")])
def test_a_ceiling_is_reached_from_below(value, verdict):
    measured = Spread(value, value, value, 1)
    assert verdict == Target("x", 2.0, 1.0, is_floor=False, unit="ms", measured=measured).verdict


def test_what_was_not_measured_says_why(a_row):
    found = {one.name: one for one in targets([a_row(0, "icsguard")], [], {"suricata+log": "not installed"})}
    assert "not measured: not installed" == found["throughput c16 / suricata+log"].verdict
    assert "not measured: not in this run" == found["throughput c16 / nginx"].verdict
    assert "not measured: not run" == found["shadow on / off, gateway CPU"].verdict


def test_rows_and_trials_become_figures(a_row):
    side = {"shadow": 80_000, "recorder": 30_000}
    rows = [
        a_row(0, "nginx", per_second=100.0, own_us=10.0),
        a_row(0, "icsguard", per_second=80.0, own_us=15.0, rss_kb=side),
        a_row(0, "icsguard", "open50", p999=1500.0),
    ]
    event = Trial("event", "policy reload", "icsguard", result=rows[2].result)
    failed = Trial("event", "stalled log", "icsguard", problem="it did not stand up")
    found = {one.name: one for one in targets(rows, [event, failed], {})}
    assert ("must", 0.8) == _of(found["throughput c16 / nginx"])
    assert ("must", 1.5) == _of(found["gateway CPU a transaction, c16 / nginx"])
    assert ("must", 1.5) == _of(found["p99.9 at 50 x 10/s"])
    assert ("must", 1.5) == _of(found["p99.9 during: policy reload"])
    assert "not measured: it did not stand up" == found["p99.9 during: stalled log"].verdict
    assert ("aim", 20.48) == _of(found["RSS gateway"])
    assert ("must", 133.12) == _of(found["RSS all three, models loaded"])


def test_of_several_rounds_of_an_event_the_median_counts(a_row):
    def played(p999):
        result = a_row(0, "icsguard").result
        reads = replace(result.reads, p999=p999)
        return Trial("event", "policy reload", "icsguard", result=replace(result, reads=reads))

    (found,) = [one for one in targets([], [played(900), played(16_000), played(1_100)], {}) if "reload" in one.name]
    assert (0.9, 1.1, 16.0, 3) == (
        found.measured.low,
        found.measured.middle,
        found.measured.high,
        found.measured.rounds,
    )


def test_a_round_of_an_event_that_failed_leaves_no_figure(a_row):
    good = Trial("event", "policy reload", "icsguard", result=a_row(0, "icsguard").result)
    failed = Trial("event", "policy reload", "icsguard", problem="it did not stand up")
    (found,) = [one for one in targets([], [good, failed], {}) if "reload" in one.name]
    assert found.measured is None
    assert "it did not stand up" == found.missing


def test_an_event_of_a_peer_is_no_target(a_row):
    event = Trial("event", "policy reload", "nginx", result=a_row(0, "nginx").result)
    assert not [one for one in targets([], [event], {}) if "reload" in one.name]


def _of(target):
    return target.verdict, pytest.approx(target.measured.middle)
