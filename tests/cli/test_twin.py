import dataclasses
import math
import struct

import pytest

from icsguard.cli.exits import CliError
from icsguard.cli.twin import fit_twin, is_fitted_to
from icsguard.config.settings import Conduit, GatewaySettings, Settings, ShadowSettings
from icsguard.core.decision import Decision
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.traffic import Traffic
from icsguard.policy.rules import Policy
from icsguard.runtime.model_store import ModelStore

pytest.importorskip("onnx")
SECOND = 1_000_000_000
POINTS = (Point("level", 1, Table.HOLDING, 0), Point("flow", 1, Table.HOLDING, 1))


@pytest.fixture
def conduit():
    return Conduit("plc1", "127.0.0.1", 1502, "10.1.0.5", 502, policy=Policy(points=POINTS))


@pytest.fixture
def settings(conduit, tmp_path):
    return Settings(
        GatewaySettings(state_dir=str(tmp_path)), (conduit,), shadow=ShadowSettings(models_dir=str(tmp_path / "models"))
    )


def polled(seconds):
    """A client that reads both points once a second; one follows the other."""
    made = []
    for number in range(seconds):
        flow = round(500 + 300 * math.sin(number / 20))
        level = round(1000 + 200 * math.sin((number - 5) / 20))
        request = struct.pack(">HHHBBHH", number & 0xFFFF, 0, 6, 1, 3, 0, 2)
        response = struct.pack(">HHHBBBHH", number & 0xFFFF, 0, 7, 1, 3, 4, level, flow)
        at = (1_700_000_000 + number) * SECOND
        made.append(
            Transaction(
                number + 1, "x", 1, "10.0.0.21", at, at + 10**6, request, response, Decision.ALLOW, Outcome.ANSWERED
            )
        )
    return Traffic(tuple(made), {})


def test_a_twin_of_the_accepted_points_is_written_and_passes_the_gate(settings, conduit):
    said = []
    note = fit_twin(settings, conduit, polled(600), lambda share, text: said.append((share, text)))
    assert note
    assert said
    models = ModelStore().load(settings)
    assert {} == dict(models.refused)
    assert models.sites["plc1"] is not None


def test_a_twin_is_kept_as_long_as_its_points_mean_the_same(settings, conduit):
    assert not is_fitted_to(settings, conduit)
    fit_twin(settings, conduit, polled(600), lambda *_: None)
    assert is_fitted_to(settings, conduit)
    with_limit = dataclasses.replace(POINTS[0], safe_max=1100.0)
    scaled = dataclasses.replace(POINTS[0], scale=0.1)
    for first, expected in ((with_limit, True), (scaled, False)):
        other = dataclasses.replace(conduit, policy=Policy(points=(first, POINTS[1])))
        assert expected is is_fitted_to(settings, other)


def test_too_little_traffic_is_one_line(settings, conduit):
    with pytest.raises(CliError, match="plc1"):
        fit_twin(settings, conduit, polled(5), lambda *_: None)
