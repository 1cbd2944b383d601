"""What is known of a point survives the way between processes."""

import msgspec

from icsguard.core.live import PointState


def test_a_point_state_survives_json_with_what_is_not_known():
    state = PointState("plc1", "level", "m", None, 0, "unknown")
    assert state == msgspec.json.decode(msgspec.json.encode(state), type=PointState)
