import pytest

from icsguard.evaluation.page import html
from icsguard.evaluation.tables import Goal, Result, Table, Trace


@pytest.fixture
def page():
    lies = {"plant": "water", "attack": "bias", "recall": 0.5, "95 % interval": "0.2-0.8", "PCA recall": 0.25}
    tables = (
        Table("telemetry", "False <telemetry>", (lies,), ("A note & more.",)),
        Table("batadal", "BATADAL", ({"score": "icsguard", "S": None},)),
    )
    trace = Trace("batadal", "score", tuple(float(n % 7) for n in range(3_000)), ((100, 200),))
    return html(Result("short", 1, tables, (Goal("g", ">= 1", "2", reached=False),), (trace,), {"python": "3.11"}))


def test_all_text_is_escaped(page):
    assert "<telemetry>" not in page
    assert "False &lt;telemetry&gt;" in page
    assert "A note &amp; more." in page


def test_it_loads_nothing_and_runs_nothing(page):
    assert all(word not in page for word in ("<script", "http", "@import", "url("))


def test_a_goal_that_was_missed_is_said_in_red(page):
    assert "<td class='no'>NOT REACHED</td>" in page


def test_bars_and_traces_are_drawn(page):
    assert 2 == page.count("<svg")
    assert page.count("class='attack'") == 1
    assert len(page) < 60_000
