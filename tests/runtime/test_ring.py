"""Challengers inside the shadow process: fed in order, shed when too much waits, and never a danger to the champion."""

from dataclasses import replace

import pytest

from icsguard.config.settings import Conduit
from icsguard.core.decision import Decision
from icsguard.core.transaction import Opinion, Question
from icsguard.detect.options import ConduitOptions, ShadowOptions
from icsguard.evidence.own import OwnRecords
from icsguard.lab import registers as at
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.lab.operations import switch
from icsguard.learn.fit import fit
from icsguard.policy.rules import Policy
from icsguard.protocols.modbus import build
from icsguard.runtime.ring import MAX_WAITING, Ring
from icsguard.twin.site_model import Site

OPTIONS = ShadowOptions((ConduitOptions("cell", cell_points()),), horizon_s=12.0)


@pytest.fixture(scope="module")
def site():
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))
    model = fit(OfflineCell(1).run(75), conduit, horizon_s=12).model
    trusted = tuple(replace(one, trusted_steps=60) if one.band else one for one in model.columns)
    return Site(replace(model, columns=trusted), None, "new")


@pytest.fixture
def ring(site):
    made = Ring()
    made.adopt(OPTIONS, {"cell": None}, {"cell": site}, None, 1)
    return made


def test_without_challengers_nothing_is_kept_and_nothing_told():
    ring = Ring()
    ring.saw(OfflineCell(1).run(1))
    ring.work([], 1)
    assert {} == ring.facts(1)
    assert () == ring.records(OwnRecords("s1"), 1)


def test_a_write_that_only_the_challenger_would_hold_becomes_one_note(ring):
    cell = OfflineCell(7)
    ring.saw(cell.run(10, None))
    question = Question(1, "cell", 1, "127.0.1.1", cell.now, build.adu(1, 1, switch(at.PUMP_2, on=False)))
    ring.answered(question, Opinion(1, Decision.ALLOW, (), ""))
    ring.work([], cell.now)
    assert 1 == ring.facts(cell.now)["cell.challenger_holds"]
    notes = ring.records(OwnRecords("s1"), cell.now)
    assert "the challenger new of cell would have told: " in notes[0].text
    assert "unsafe-consequence" == notes[0].facts["code"]
    assert () == ring.records(OwnRecords("s1"), cell.now)


def test_the_same_pair_goes_on_counting_and_another_begins_anew(ring, site):
    ring.adopt(OPTIONS, {"cell": None}, {"cell": site}, None, 3_600_000_000_001)
    assert 1.0 == ring.facts(3_600_000_000_001)["cell.challenger_hours"]
    ring.adopt(OPTIONS, {"cell": site}, {"cell": site}, None, 3_600_000_000_001)
    assert 0.0 == ring.facts(3_600_000_000_001)["cell.challenger_hours"]
    ring.adopt(OPTIONS, {"cell": site}, {}, None, 1)
    assert {} == ring.facts(1)


def test_too_much_traffic_is_shed_and_counted(ring):
    batch = OfflineCell(2).run(0.01, None)
    for _ in range(MAX_WAITING + 7):
        ring.saw(batch)
    assert 7 == ring.facts(1)["challenger_shed"]


def test_a_challenger_that_fails_is_counted_and_ends_nothing(ring, monkeypatch):
    monkeypatch.setattr("icsguard.detect.sparring.Sparring.observe", lambda *_: 1 / 0)
    ring.saw(OfflineCell(2).run(0.01, None))
    ring.work([], 1)
    assert 1 == ring.facts(1)["challenger_failures"]
