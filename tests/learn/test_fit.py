import numpy as np
import pytest

from icsguard.config.settings import Conduit
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn import calibrated
from icsguard.learn import fit as module
from icsguard.learn.fit import NothingToLearnError, fit
from icsguard.policy.rules import Policy
from icsguard.twin.site_model import Calibration, points_digest


def _conduit(points):
    return Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=points))


@pytest.fixture(scope="module")
def traffic():
    return OfflineCell(1).run(60)


@pytest.fixture(scope="module")
def fitted(traffic):
    told = []
    made = fit(traffic, _conduit(cell_points()), horizon_s=12, progress=lambda share, text: told.append((share, text)))
    return made.model, told


def _column(model, name):
    return next(one for one in model.columns if one.name == name)


def test_measured_values_move_and_what_operators_write_are_commands(fitted):
    model, _ = fitted
    kinds = {one.name: one.kind for one in model.columns}
    assert {"level_1", "flow_in", "speed_1", "chlorine"} <= {name for name, kind in kinds.items() if kind == "moving"}
    assert {"setpoint_1", "pump_2", "auto_1", "dose"} <= {name for name, kind in kinds.items() if kind == "command"}
    assert kinds["alarm_limit_high"] == "still"
    assert kinds["pump_1_runs"] == "state"


def test_the_levels_of_a_minute_are_forecast_for_seconds(fitted):
    model, _ = fitted
    for name in ("level_1", "level_2"):
        column = _column(model, name)
        assert column.trusted_steps * model.step_ns >= 4 * 10**9
        assert column.band[0] < 0.06
        assert list(column.band) == sorted(column.band)


def test_commands_keep_what_is_written(fitted):
    model, _ = fitted
    assert _column(model, "setpoint_1").keeps
    assert _column(model, "setpoint_1").by_writes_only
    assert not _column(model, "level_1").by_writes_only


def test_a_setpoint_is_found_to_steer_its_level(fitted):
    model, _ = fitted
    names = [one.name for one in model.columns]
    assert ("setpoint_1", "level_1") in {(names[a], names[b]) for a, b in model.tracks}


def test_the_step_lets_sixty_steps_reach_the_horizon(fitted):
    model, _ = fitted
    assert model.step_ns == 200_000_000


def test_a_short_recording_says_what_it_can_vouch_for(fitted):
    model, _ = fitted
    assert model.residuals.rank == 0
    assert model.residuals.per_day > 100
    assert model.residuals.threshold > max(model.residuals.blocks)


def test_the_model_fits_one_point_list(fitted):
    assert points_digest(cell_points()) == fitted[0].points_digest


def test_progress_rises_to_the_end(fitted):
    shares = [share for share, _ in fitted[1]]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_gram_matrix_is_kept_for_later_learning(fitted):
    model, _ = fitted
    packed = np.frombuffer(model.gram, "<f8")
    size = len(model.columns) + 1
    assert len(packed) == size * (size + 1) // 2
    assert packed[0] == model.rows


def test_the_same_traffic_gives_the_same_model(traffic):
    conduit = _conduit(cell_points())
    part = traffic[: len(traffic) // 2]
    assert fit(part, conduit, horizon_s=12).model == fit(part, conduit, horizon_s=12).model


def test_two_alarms_share_the_budget_of_false_alarms(traffic, monkeypatch):
    given = {}

    def values(*_args, per_day, **_rest):
        given["values"] = per_day
        return calibrated.Calibrated((), (), Calibration())

    def flows(*_args, per_day, **_rest):
        given["flows"] = per_day
        return calibrated.CalibratedFlows((), Calibration())

    monkeypatch.setattr(module, "calibrate_residuals", values)
    monkeypatch.setattr(module, "calibrate_flows", flows)
    part = traffic[: len(traffic) // 2]
    fit(part, _conduit(cell_points()), horizon_s=12, alarms_per_day=2.0, flow_model=object())
    assert {"values": 1.5, "flows": 0.5} == given
    fit(part, _conduit(cell_points()), horizon_s=12, alarms_per_day=2.0)
    assert 2.0 == given["values"]


def test_rows_are_judged_by_neighbours_learnt_from_rows_that_were_shown(traffic, monkeypatch):
    """As live: what is told after a row is no neighbour of what it shows."""
    tables, spatial = [], module._Fit._spatial

    def noted(self, table, modes):
        tables.append({tuple(row) for row in table.tolist()})
        return spatial(self, table, modes)

    monkeypatch.setattr(module._Fit, "_spatial", noted)
    part = traffic[: len(traffic) // 2]
    fit(part, _conduit(cell_points()), horizon_s=12)
    *held_out, everything = tables
    assert module.FOLDS == len(held_out)
    assert all(one < everything for one in held_out)


def test_without_points_there_is_nothing_to_learn(traffic):
    with pytest.raises(NothingToLearnError, match="no point list"):
        fit(traffic, _conduit(()))


def test_too_little_traffic_says_how_much_is_needed(traffic):
    with pytest.raises(NothingToLearnError, match="a twin needs"):
        fit(traffic[:100], _conduit(cell_points()), horizon_s=12)


def test_traffic_of_another_conduit_teaches_nothing(traffic):
    with pytest.raises(NothingToLearnError):
        fit([one._replace(conduit="other") for one in traffic], _conduit(cell_points()), horizon_s=12)
