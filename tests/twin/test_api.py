"""The battery that every twin passes, wherever it comes from: learnt, an FMU, a user class, or no model at all."""

import numpy as np
import pytest

from icsguard.config.settings import Conduit
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.fit import fit
from icsguard.learn.recorded import record, rows
from icsguard.policy.rules import Policy
from icsguard.twin.api import Move
from icsguard.twin.custom import CustomTwin
from icsguard.twin.fmu import FmuTwin
from icsguard.twin.grid import Row
from icsguard.twin.learned import LearnedTwin
from icsguard.twin.persistence import PersistenceTwin

POINTS = cell_points()


@pytest.fixture(scope="module")
def learnt():
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=POINTS))
    made = OfflineCell(1).run(60)
    fitted = fit(made, conduit, horizon_s=12)
    grid = rows(record(made, POINTS), 12.0)
    found = [
        Row(at, tuple(float(value) for value in row), bool(number))
        for run, times in zip(grid.runs, grid.times, strict=True)
        for number, (row, at) in enumerate(zip(run, times, strict=True))
    ]
    return fitted.model, found


def makers(model):
    """Return a maker of each kind of twin of the cell."""
    names = tuple(column.name for column in model.columns)
    found = {"learned": lambda: LearnedTwin(model), "persistence": lambda: PersistenceTwin(names)}
    found["custom"] = lambda: CustomTwin(names, Drifting())
    found["fmu"] = lambda: FmuTwin(names, Integrator(), model.step_ns)
    return found


class Integrator:
    """A unit as `twin.fmu` sees it: a level that follows its set-point."""

    inputs, outputs = ("setpoint_1",), ("level_1",)

    def reset(self, values):
        self.level = values["level_1"]

    def step(self, inputs, seconds):
        self.level += (inputs["setpoint_1"] - self.level) * seconds / 10
        return {"level_1": self.level}

    def save(self):
        return self.level

    def load(self, state):
        self.level = state


class Drifting:
    """Somebody's own model: every value goes on by a tenth of its last change."""

    def __init__(self):
        self.last = self.before = None

    def observe(self, values):
        self.before, self.last = self.last, dict(values)

    def predict(self, commands, steps):
        change = {name: (self.last[name] - (self.before or self.last)[name]) / 10 for name in self.last}
        return [
            {name: commands[step].get(name, self.last[name] + change[name] * (step + 1)) for name in self.last}
            for step in range(steps)
        ]


@pytest.fixture(params=["learned", "persistence", "custom", "fmu"])
def make(request, learnt):
    return makers(learnt[0])[request.param]


@pytest.fixture
def twin(make, learnt):
    made = make()
    for row in learnt[1][:40]:
        made.observe(row)
    return made


def test_nothing_is_forecast_before_anything_was_seen(make):
    with pytest.raises(ValueError, match="no row"):
        make().predict([], 5)


def test_a_forecast_has_a_row_a_step_and_a_column_a_point(twin):
    forecast = twin.predict([], 30)
    assert (30, len(twin.names)) == forecast.mean.shape == forecast.band.shape
    assert np.isfinite(forecast.mean).all()


def test_bands_are_never_negative_and_never_narrow_with_time(twin):
    band = twin.predict([], 60).band
    assert (band >= 0).all()
    assert (np.diff(np.where(np.isfinite(band), band, 1e300), axis=0) >= -1e-9).all()


def test_trying_changes_nothing(twin):
    before = twin.predict([], 20)
    twin.predict([Move(0, 1.0), Move(1, 5.0, 0.1)], 20)
    after = twin.predict([], 20)
    np.testing.assert_array_equal(before.mean, after.mean)


def test_a_snapshot_gives_the_same_forecast_to_another_twin(twin, make, learnt):
    other = make()
    other.restore(twin.snapshot())
    np.testing.assert_allclose(twin.predict([], 20).mean, other.predict([], 20).mean, rtol=1e-9, atol=1e-12)
    for row in learnt[1][40:50]:
        twin.observe(row)
        other.observe(row)
    np.testing.assert_allclose(twin.predict([], 20).mean, other.predict([], 20).mean, rtol=1e-9, atol=1e-12)


def test_what_is_no_snapshot_of_this_process_is_refused(twin):
    for data in (b"", b"\x90", b"garbage", PersistenceTwin(("other",)).snapshot()):
        with pytest.raises(ValueError, match="snapshot"):
            twin.restore(data)


def test_a_command_stays_where_it_is_put_and_a_moving_one_moves(twin, learnt):
    commands = [place for place, one in enumerate(learnt[0].columns) if one.kind == "command" and one.scale != 1.0]
    place = commands[0]
    value = float(learnt[0].columns[place].seen_low)
    assert [value] * 10 == twin.predict([Move(place, value)], 10).mean[:, place].tolist()
    slope = (learnt[0].columns[place].seen_high - value) / 100
    moved = twin.predict([Move(place, value, slope)], 10).mean[:, place]
    np.testing.assert_allclose(value + slope * np.arange(10), moved, atol=1e-9)


def test_a_column_that_is_not_there_is_ignored(twin):
    np.testing.assert_array_equal(twin.predict([], 5).mean, twin.predict([Move(999, 1.0), Move(-1, 1.0)], 5).mean)


def test_a_row_of_another_width_is_a_mistake(twin):
    with pytest.raises(ValueError, match="columns"):
        twin.observe(Row(1, (1.0,), follows=True))


def test_the_learnt_twin_beats_persistence_where_the_plant_moves(learnt):
    """The honest baseline: over the second half of what was seen, ten steps ahead."""
    model, seen = learnt
    moving = [place for place, one in enumerate(model.columns) if one.kind == "moving"]
    commands = [place for place, one in enumerate(model.columns) if one.kind == "command"]
    twins, errors = [LearnedTwin(model), PersistenceTwin(tuple(one.name for one in model.columns))], [0.0, 0.0]
    scale = np.array([model.columns[place].scale for place in moving])
    for number, row in enumerate(seen[:-10]):
        for which, twin in enumerate(twins):
            twin.observe(row)
            if number % 5 or number < len(seen) // 2:
                continue
            ahead = [Move(place, seen[number + 1].values[place]) for place in commands]
            rest = twin.predict(ahead, 10).mean[-1][moving] - np.array(seen[number + 10].values)[moving]
            errors[which] += float(np.abs(rest / scale).mean())
    assert errors[0] < 0.9 * errors[1]
