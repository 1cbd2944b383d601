import pytest

from icsguard.core.decision import Decision, Layer
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.core.transaction import Question
from icsguard.detect import explain
from icsguard.detect.catalog import KINDS
from icsguard.twin.image import Deviation
from icsguard.twin.site_model import Column
from icsguard.twin.what_if import Consequence

LEVEL = Point("LT101", 1, Table.INPUT, 0, unit="m", safe_max=4.5)
COLUMN = Column("LT101", 2, 1, 0, 9, 0.001, "moving", 1, 0, 4, trusted_steps=60, coverage=(0.97,))
QUESTION = Question(7, "cell", 3, "10.0.0.9", 5, b"")
HARM = Consequence(
    0, 4.5, 38, 4.9, 0.2, 3.1, by_mean=True, trusted=True, worst=5.2, unseen=False, sure=True, margin=2.0
)


def _told(**changes):
    return explain.consequence(
        HARM._replace(**changes), question=QUESTION, what="writing V1 = 0", point=LEVEL, column=COLUMN, step_ns=10**9
    )


def test_a_consequence_reads_as_an_operator_says_it():
    told = _told()
    assert "writing V1 = 0 makes LT101 reach 4.9 m (limit 4.5) in 38.0 s, band ±0.2 m; without it 3.1 m" == told.text
    assert (Decision.REFUSE, Layer.CONSEQUENCE, "T0831") == (told.decision, told.layer, told.technique)
    assert (38.0, 4.9, 4.5, 0.97) == tuple(told.facts[name] for name in ("reach_s", "predicted", "limit", "coverage"))
    assert (7, "10.0.0.9", "LT101") == (told.transaction, told.client, told.point)


def test_the_band_alone_holds_only_where_learning_never_was():
    assert _told(by_mean=False, sure=False, unseen=True).decision is Decision.HOLD
    assert _told(by_mean=False, sure=False).decision is Decision.ALERT
    assert _told(unseen=True).decision is Decision.REFUSE


def test_a_mean_that_passes_the_limit_by_too_little_only_warns():
    told = _told(sure=False, margin=0.1)
    assert told.decision is Decision.ALERT
    assert "too little of its band to be sure" in told.text


def test_a_twin_below_its_gate_only_warns():
    below = _told(trusted=False)
    assert below.decision is Decision.ALERT
    assert "below its fidelity gate" in below.text


def test_a_band_that_was_not_measured_is_not_made_up():
    told = _told(band=float("inf"), trusted=False)
    assert "band not known" in told.text
    assert "inf" not in told.text
    assert "band" not in told.facts
    assert "wider" not in _told(band=float("inf"), unseen=True).text
    assert "wider" in _told(unseen=True).text


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_no_fact_is_a_number_that_nobody_can_read(number):
    told = _told(band=number, worst=number, without=number)
    assert {"reach_s", "predicted", "limit", "coverage", "trusted_s", "margin"} == told.facts.keys()


def test_a_forecast_where_learning_never_was_says_so():
    assert "learning never was there" in _told(unseen=True).text


def test_each_deviation_has_a_sentence():
    for code in ("write-not-effective", "changed-without-write", "frozen"):
        one = Deviation(code, 0, 1.0, 2.0, 1)
        told = explain.deviation(one, conduit="c", point=LEVEL, client="a", flow=1, number=1, at=2)
        assert "LT101" in told.text
        assert told.decision is Decision.ALERT


def test_every_code_that_is_told_is_in_the_catalog():
    assert _told().code in KINDS
