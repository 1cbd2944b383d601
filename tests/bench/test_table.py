"""The printed tables: every contender has a line, and what is missing or wrong is said."""

from bench import table
from bench.plot import svg
from bench.ratios import Spread
from bench.targets import Target
from bench.trials import Trial


def test_a_scenario_has_a_line_for_each_contender(a_row):
    rows = [
        a_row(0, "nginx", per_second=100.0),
        a_row(0, "icsguard", per_second=80.0, sent=7),
        a_row(0, "haproxy", errors=3),
    ]
    text = table.scenario_table(rows, "c16", "sixteen", ["nginx", "icsguard", "haproxy", "direct"])
    lines = {line.split()[0]: line for line in text.splitlines()[3:]}
    assert "0.80 (0.80..0.80)" in lines["icsguard"]
    assert "0 of 7 (7 exception)" in lines["icsguard"]
    assert lines["haproxy"].endswith("3")
    assert "80" not in lines["haproxy"]
    assert lines["direct"].endswith("no row")
    assert 1 == len({line.rindex("  ") for line in text.splitlines()[1:2] + text.splitlines()[3:]}), "columns stand"


def test_events_say_what_happened(a_row):
    trials = [
        Trial("event", "policy reload", "icsguard", result=a_row(0, "icsguard").result, note="3 times"),
        Trial("event", "stalled log", "icsguard", problem="it did not stand up"),
        Trial("figure", "shadow on / off, gateway CPU", "icsguard"),
    ]
    text = table.event_table(trials)
    assert 4 == len(text.splitlines())
    assert "3 times" in text
    assert "it did not stand up" in text
    assert "" == table.event_table([])


def test_problems_are_told_once(a_row):
    rows = [a_row(number, "icsguard", errors=1) for number in range(3)]
    assert "icsguard, c16: connection 1: <other> registers" == table.problems(rows, [])


def test_targets_stand_beside_what_was_asked():
    text = table.target_table([Target("speed", 0.75, 0.9, is_floor=True, unit="x", measured=Spread(0.8, 0.81, 0.9, 3))])
    assert "speed >= 0.75 >= 0.9 0.81 (0.80..0.90) x 3 must" == " ".join(text.splitlines()[-1].split())


def test_absent_peers_are_named():
    assert "absent: suricata: not installed" == table.absences({"suricata": "not installed"})


def test_the_plot_has_a_bar_for_each_ratio_and_no_markup_from_names(a_row):
    rows = [a_row(0, "nginx"), a_row(0, "icsguard", per_second=900.0), a_row(0, "direct", per_second=2000.0)]
    text = svg(rows, ["c16", "c128"], ["direct", "nginx", "icsguard", "absent"], "a <caption>")
    assert 4 == text.count("<rect"), "three bars and the ground"
    assert ">0.90<" in text
    assert "a &lt;caption&gt;" in text
    assert "c128" not in text
