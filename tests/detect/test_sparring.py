"""A challenger hears what the champion hears, is counted, and reaches nobody."""

from dataclasses import replace

import pytest

from icsguard.core.clock import HOUR
from icsguard.core.decision import Decision
from icsguard.core.transaction import Opinion, Question
from icsguard.detect.sparring import MAX_NOTES, Sparring
from icsguard.lab import registers as at
from icsguard.lab.offline import OfflineCell
from icsguard.lab.operations import switch
from icsguard.protocols.modbus import build


@pytest.fixture
def site(site):
    """Let all forecasts be trusted: the gate is judged in detect/test_judging."""
    columns = tuple(replace(one, trusted_steps=60) if one.band else one for one in site.model.columns)
    return replace(site, model=replace(site.model, columns=columns))


@pytest.fixture
def question(cell):
    return Question(1, "cell", 1, "127.0.1.1", cell.now, build.adu(1, 1, switch(at.PUMP_2, on=False)))


@pytest.fixture
def cell():
    return OfflineCell(7)


@pytest.fixture
def sparring(options, site, cell):
    one = Sparring(options, "cell", site, None, cell.now)
    one.observe(cell.run(10, None), cell.now)
    return one


def test_a_different_opinion_is_counted_and_noted(sparring, question, cell):
    question = question._replace(asked_at=cell.now)
    sparring.asked(question, Opinion(1, Decision.ALLOW, (), ""), cell.now)
    facts = sparring.facts(cell.now)
    assert (1, 0, 1) == tuple(facts[f"cell.challenger_{name}"] for name in ("holds", "holds_champion", "differed"))
    assert ["unsafe-consequence"] == [one.code for one in sparring.notes[:1]]


def test_the_same_opinion_is_no_difference(sparring, question, cell):
    question = question._replace(asked_at=cell.now)
    sparring.asked(question, Opinion(1, Decision.REFUSE, (), ""), cell.now)
    assert 0 == sparring.facts(cell.now)["cell.challenger_differed"]
    assert [] == sparring.notes


def test_questions_and_traffic_of_other_conduits_are_none_of_its_business(sparring, question, cell):
    question = question._replace(conduit="other")
    sparring.asked(question, Opinion(1, Decision.ALLOW, (), ""), cell.now)
    sparring.observe([one._replace(conduit="other") for one in cell.run(1, None)], cell.now)
    assert 0 == sparring.facts(cell.now)["cell.challenger_holds"]


def test_statistical_alarms_of_both_are_counted(options, site, cell):
    sharp = replace(site, model=replace(site.model, residuals=replace(site.model.residuals, threshold=1e-9)))
    one = Sparring(options, "cell", sharp, None, cell.now)
    for part in range(5):
        one.observe(cell.run(2, None), cell.now)
        one.tick([], cell.now)
        assert part < 1 or one.facts(cell.now)["cell.challenger_alarms"] >= 1
    facts = one.facts(cell.now + HOUR)
    assert facts["cell.challenger_hours"] > 1
    assert 0 == facts["cell.challenger_alarms_champion"]
    assert 0 < len(one.notes) <= MAX_NOTES
