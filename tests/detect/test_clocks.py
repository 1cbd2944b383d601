"""A skewed clock in words."""

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.detect.clocks import skewed
from icsguard.twin.sightings import Skew


def test_a_server_whose_clock_is_behind_is_an_alert_and_no_more():
    found = skewed("mixer", Skew(-3600 * SECOND, "server", 7), 5 * SECOND)
    assert ("clock-skew", "mixer", "", 7, Decision.ALERT) == (
        found.code,
        found.conduit,
        found.point,
        found.at,
        found.decision,
    )
    assert found.text.startswith("the server's clock is 3.6e+03 s behind the gateway's, at most 5 s are permitted")


def test_a_source_ahead_names_its_point():
    found = skewed("mixer", Skew(8 * SECOND, "speed", 7), 5 * SECOND)
    assert ("speed", {"offset_s": 8.0}) == (found.point, found.facts)
    assert "the source time of speed is 8 s ahead of" in found.text
