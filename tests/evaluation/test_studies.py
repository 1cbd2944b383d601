"""Every study can be asked for by its name, alone or with the plants."""

import pytest

from icsguard.evaluation import studies
from icsguard.evaluation.form import SHORT
from icsguard.evaluation.run import evaluate
from icsguard.evaluation.studies import STUDIES, study
from icsguard.evaluation.tables import Table


def test_the_transfer_study_is_a_table_of_all_plants(monkeypatch):
    monkeypatch.setattr("icsguard.evaluation.transfer.BASE_HOURS", 3)
    monkeypatch.setattr("icsguard.evaluation.transfer.JUDGED_HOURS", 2)
    monkeypatch.setattr("icsguard.evaluation.transfer.HOURS", (0.25, 1.0))
    said = []
    table = study("transfer", 1, said.append)
    assert 12 == len(table.rows)
    assert 6 == len(said)


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_an_evaluation_can_be_of_one_study_alone(name, monkeypatch):
    made = Table(name, "title", ({"plant": "x"},))
    monkeypatch.setitem(studies.STUDIES, name, lambda _seed, _progress: made)
    result = evaluate(SHORT, [name], 1, lambda _: None)
    assert made in result.tables
