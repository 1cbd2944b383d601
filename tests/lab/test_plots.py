from xml.dom import minidom

import pytest

from icsguard.lab.plots import MAX_POINTS, Frame, Line, Mark, chart, thinned
from icsguard.lab.trial import Curve

FRAME = Frame(420, 150, -1.0, 9.0, 4.0, 1.0, "m", danger=3.5)


def parsed(svg):
    return minidom.parseString(svg).documentElement  # noqa: S318 - the picture is our own


def curve(count):
    return Curve("level_1", tuple(float(number) for number in range(count)), tuple(1.0 for _ in range(count)))


def test_a_chart_is_well_formed_and_names_itself():
    root = parsed(chart("levels", FRAME, [Line(curve(5), "guarded", "behind")], [Mark(0.0, "attack")]))
    assert root.getAttribute("aria-label") == "levels"
    assert "attack" in [text.firstChild.data for text in root.getElementsByTagName("text")]


def test_text_cannot_break_out_of_the_picture():
    hostile = '"><script>alert(1)</script>'
    drawn = chart(hostile, FRAME, [Line(curve(3), "guarded", hostile)], [Mark(0.0, hostile)])
    assert "<script" not in drawn
    assert parsed(drawn).tagName == "svg"


def test_scales_run_from_edge_to_edge_and_never_beyond():
    assert FRAME.x(-1.0) < FRAME.x(4.0) < FRAME.x(9.0) < 420
    assert FRAME.y(4.0) < FRAME.y(0.0) < 150
    assert FRAME.y(99.0) == FRAME.y(4.0)
    assert FRAME.x(99.0) == FRAME.x(9.0)


def test_long_curves_are_thinned_and_keep_their_end():
    points = thinned(curve(5000))
    assert len(points) <= MAX_POINTS
    assert points[0][0] == 0.0
    assert points[-1][0] == 4999.0


@pytest.mark.parametrize("count", [0, 1, 239, 240, 241, 480])
def test_no_curve_is_too_short_or_too_long_to_draw(count):
    assert len(thinned(curve(count))) <= MAX_POINTS
    assert parsed(chart("any", FRAME, [Line(curve(count), "bare", "x")])).tagName == "svg"


def test_the_danger_zone_is_shaded_only_where_it_is_in_sight():
    assert "danger" in chart("x", FRAME, [])
    assert "danger" not in chart("x", Frame(420, 150, 0.0, 1.0, 3.0, 1.0, "m", danger=3.5), [])
