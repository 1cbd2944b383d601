from dataclasses import replace
from pathlib import Path

import pytest

from icsguard.config.load import check_file
from icsguard.config.settings import Conduit, GatewaySettings, Settings, ShadowSettings
from icsguard.core.decision import Mode
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.player import wires_of
from icsguard.learn.propose import LearnOptions
from icsguard.learn.replay import replay_wires
from icsguard.learn.site import LearnError, learn_conduit
from icsguard.learn.traffic import Traffic
from icsguard.policy.rules import Policy
from icsguard.runtime.files import shipped_rules

QUICK = LearnOptions(occasion_s=5)


@pytest.fixture
def settings(tmp_path):
    gateway = GatewaySettings("edge", str(tmp_path / "state"), str(tmp_path / "run"))
    return Settings(gateway, (), shadow=ShadowSettings(models_dir=str(tmp_path / "models")))


@pytest.fixture
def conduit():
    return Conduit("cell", "", 0, "10.1.0.5", 502, mode=Mode.LEARN, policy=Policy(points=cell_points()))


@pytest.fixture(scope="module")
def cell_traffic():
    return Traffic(tuple(OfflineCell(3).run(240)), {}, {}, "cell.journal")


def test_a_cell_is_learned_its_files_are_faultless_and_its_own_traffic_passes(
    settings, conduit, cell_traffic, tmp_path
):
    told: list[float] = []
    report = learn_conduit(
        settings, conduit, cell_traffic, tmp_path / "out", lambda share, _: told.append(share), options=QUICK
    )
    assert () == report.problems
    assert sorted(told) == told
    assert (0.0, 1.0) == (told[0], told[-1])
    assert report.model_dir == str(tmp_path / "out" / "models")
    assert (Path(report.model_dir) / "manifest.json").is_file()
    assert 0o640 == Path(report.policy_file).stat().st_mode & 0o777
    names = ("cell.policy.toml", "cell.points.csv")
    texts = {name: (tmp_path / "out" / name).read_text() for name in names}
    policy, problems = check_file({**texts, **shipped_rules()}, *names)
    assert () == problems
    learned = replace(conduit, policy=policy)
    replayed = replay_wires(wires_of(cell_traffic.transactions), learned)
    # The cell's operators move set-points faster than its point list permits: nothing else of theirs is stopped.
    assert {ground.code for ground in replayed.grounds} <= {"rate-of-change", "step-too-large"}
    assert () == report.proposal.review
    assert replayed.decisions["allow"] > 0.95 * replayed.requests


def test_without_enough_traffic_there_is_a_proposal_and_a_note_instead_of_a_twin(settings, conduit, tmp_path):
    few = Traffic(tuple(OfflineCell(3).run(2, None)), {}, {}, "cell.journal")
    report = learn_conduit(settings, conduit, few, tmp_path / "out", options=QUICK)
    assert "" == report.model_dir
    assert "a twin needs" in report.twin_note
    assert Path(report.policy_file).is_file()
    assert not (tmp_path / "out" / "models").exists()


def test_without_any_example_nothing_is_written(settings, conduit, tmp_path):
    with pytest.raises(LearnError, match="icsguard learn cell --from"):
        learn_conduit(settings, conduit, Traffic((), {}), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_a_human_changed_is_not_overwritten_unasked(settings, conduit, tmp_path):
    few = Traffic(tuple(OfflineCell(3).run(2, None)), {}, {}, "cell.journal")
    first = learn_conduit(settings, conduit, few, tmp_path, options=QUICK)
    learn_conduit(settings, conduit, few, tmp_path, options=QUICK)  # the same again stands in nobody's way
    Path(first.policy_file).write_text("mine")
    with pytest.raises(LearnError, match="--force"):
        learn_conduit(settings, conduit, few, tmp_path, options=QUICK)
    assert "mine" == Path(first.policy_file).read_text()
    learn_conduit(settings, conduit, few, tmp_path, options=QUICK, overwrite=True)
    assert "mine" != Path(first.policy_file).read_text()


def test_a_folder_that_can_not_be_made_is_one_clear_error(settings, conduit, tmp_path):
    (tmp_path / "out").write_text("in the way")
    few = Traffic(tuple(OfflineCell(3).run(2, None)), {}, {}, "cell.journal")
    with pytest.raises(LearnError, match="can not be written"):
        learn_conduit(settings, conduit, few, tmp_path / "out" / "deeper", options=QUICK)
