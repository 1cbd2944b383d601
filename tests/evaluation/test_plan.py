import pickle

import pytest

from icsguard.evaluation import loaded, plan
from icsguard.evaluation.form import FULL, SHORT
from icsguard.evaluation.plan import measure_recorded, measure_studies
from icsguard.lab.plants.catalog import PLANTS


def titles(form, only=()):
    return [job.title for job in plan.plan(form, only, 1)[0]]


@pytest.fixture(autouse=True)
def data(monkeypatch, tmp_path):
    (tmp_path / "loaders.py").write_text("")
    monkeypatch.setenv(loaded.VARIABLE, str(tmp_path))


def test_the_full_form_is_a_job_for_each_plant_its_studies_and_each_set():
    found = titles(FULL)
    assert 2 * len(PLANTS) + 2 + len(FULL.real) == len(found)
    assert {*PLANTS, *FULL.real, "exhaustion"} < set(found)


def test_studies_leave_frozen_plants_alone_unless_these_are_named(monkeypatch):
    monkeypatch.setattr(plan, "is_frozen", lambda name: name == "reactor")
    assert not any("reactor" in title for title in titles(FULL, ["poison"]))
    assert "reactor: poison" in titles(FULL, ["poison", "reactor"])
    assert "reactor" in titles(FULL)


def test_jobs_cross_process_borders():
    for job in plan.plan(FULL, (), 1)[0]:
        assert job == pickle.loads(pickle.dumps(job))  # noqa: S301 - our own


def test_absent_data_are_said_and_the_rest_goes_on(monkeypatch, tmp_path):
    monkeypatch.setenv(loaded.VARIABLE, str(tmp_path / "nowhere"))
    jobs, absent = plan.plan(SHORT, ["water", "lemay"], 1)
    assert ["water"] == [job.title for job in jobs]
    assert absent[0].startswith("lemay: left out")


def test_studies_of_a_plant_are_found_under_its_name(monkeypatch):
    monkeypatch.setattr("icsguard.evaluation.transfer.BASE_HOURS", 3)
    monkeypatch.setattr("icsguard.evaluation.transfer.JUDGED_HOURS", 2)
    monkeypatch.setattr("icsguard.evaluation.transfer.HOURS", (0.25, 1.0))
    found = measure_studies("water", ("transfer",), 1, lambda _: None)
    assert ("water", ["transfer"]) == (found.plant, list(found.found))


def test_an_unknown_set_has_no_loader():
    with pytest.raises(KeyError):
        measure_recorded("atlantis", lambda _: None)
