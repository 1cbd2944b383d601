"""Every study can be asked for by its name, alone or with the plants."""

from dataclasses import replace

import pytest

from icsguard.evaluation import studies
from icsguard.evaluation.form import SHORT
from icsguard.evaluation.plan import is_frozen
from icsguard.evaluation.run import evaluate
from icsguard.evaluation.studies import STUDIES
from icsguard.evaluation.tables import Table
from icsguard.lab.plants.catalog import PLANTS


def test_the_transfer_study_is_a_table_of_all_plants_that_are_not_frozen(monkeypatch):
    monkeypatch.setattr("icsguard.evaluation.transfer.BASE_HOURS", 3)
    monkeypatch.setattr("icsguard.evaluation.transfer.JUDGED_HOURS", 2)
    monkeypatch.setattr("icsguard.evaluation.transfer.HOURS", (0.25, 1.0))
    table = evaluate(SHORT, ["transfer"], 1, lambda _: None).tables[0]
    assert [name for name in PLANTS if not is_frozen(name)] == list(dict.fromkeys(row["plant"] for row in table.rows))


@pytest.mark.parametrize("name", sorted(STUDIES))
def test_an_evaluation_can_be_of_one_study_alone(name, monkeypatch):
    made = Table("made", "title", ({"plant": "x"},))
    one = replace(STUDIES[name], of=lambda plant, _seed, _progress: plant.name, table=lambda _: made)
    monkeypatch.setitem(studies.STUDIES, name, one)
    assert made in evaluate(SHORT, [name], 1, lambda _: None).tables
