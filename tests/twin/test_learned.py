"""The learnt twin rolls out what `what_if` rolls out; the rest is the battery in test_api.py."""

import numpy as np
import pytest

from icsguard.config.settings import Conduit
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.fit import fit
from icsguard.learn.recorded import record, rows
from icsguard.policy.rules import Policy
from icsguard.twin.grid import Row
from icsguard.twin.learned import LearnedTwin
from icsguard.twin.what_if import WhatIf


@pytest.fixture(scope="module")
def learnt():
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))
    made = OfflineCell(1).run(60)
    return fit(made, conduit, horizon_s=12).model, rows(record(made, cell_points()), 12.0)


def test_the_forecast_is_the_one_that_writes_are_judged_by(learnt):
    model, grid = learnt
    twin, what_if = LearnedTwin(model), WhatIf(model, cell_points(), 40)
    for number, (values, at) in enumerate(zip(grid.runs[0][:60], grid.times[0][:60], strict=True)):
        row = Row(at, tuple(values.tolist()), bool(number))
        twin.observe(row)
        what_if.follow(row)
    commands = [place for place, one in enumerate(model.columns) if one.kind == "command"]
    state, previous = grid.runs[0][59].copy(), grid.runs[0][58].copy()
    previous[commands] = state[commands]
    np.testing.assert_allclose(what_if.forecast(state, previous), twin.predict([], 40).mean)
