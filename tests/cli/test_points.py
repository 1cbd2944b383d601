import dataclasses
import json

import msgspec
import pytest

from icsguard.cli.points import is_outside
from icsguard.control.replies import FailureCode
from icsguard.core.live import PointState


def test_points_are_shown_beside_what_the_twin_expects(gateway, icsguard):
    out = icsguard("points").out
    for expected in ("LT101", "4.6 m", "4.4 ±0.1", "0.5..4.5", "0.2 s", "good", "unit 1 input 0 (30001)"):
        assert expected in out


def test_a_point_that_nobody_read_is_unknown(gateway, answers, icsguard):
    bare = PointState("plc1", "LT102", "m", None, 0, "unknown")
    answers["GetPoints"] = msgspec.structs.replace(answers["GetPoints"], points=(bare,))
    assert "unknown" in icsguard("points").out


def test_json_has_numbers(gateway, icsguard):
    assert 4.6 == json.loads(icsguard("points", "--json").out)["points"][0]["value"]


def test_a_shadow_that_is_away_is_one_line(gateway, failing, icsguard):
    failing("GetPoints", FailureCode.UNAVAILABLE, "the shadow does not answer", "icsguard status")
    assert 1 == icsguard("points").code


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (None, 0, 1, False),
        (0.5, 0, 1, False),
        (-1, 0, 1, True),
        (2, 0, 1, True),
        (2, None, None, False),
        (2, None, 1, True),
    ],
)
def test_a_value_outside_of_the_safe_envelope_is_seen(value, low, high, expected):
    point = dataclasses.replace(PointState("c", "n", "", None, 0, "good"), value=value, safe_min=low, safe_max=high)
    assert expected is is_outside(point)
