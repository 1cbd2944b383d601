import io
from xml.dom import minidom

from rich.console import Console

from icsguard.lab.board import PICTURE_WIDTH, closing, picture, without
from icsguard.lab.trial import Check


def printed(outcome, width=PICTURE_WIDTH):
    out = io.StringIO()
    Console(file=out, width=width).print(closing(outcome, width))
    return out.getvalue()


def test_the_table_shows_both_fates_of_each_attack(outcome):
    text = printed(outcome())
    assert "all 3 refused" in text
    assert "tank 1 overflowed" in text
    assert "2 of 2 attacks stopped, 0 of 1900 normal requests hurt." in text


def test_a_narrow_terminal_gets_the_columns_that_matter(outcome):
    text = printed(outcome(), 80)
    assert "ATT&CK" not in text
    assert "all 3 refused" in text
    assert "tank 1 overflowed" in text


def test_what_did_not_hold_is_told_below_the_table(outcome):
    text = printed(outcome(checks=(Check("the plant is unharmed at the end", held=False),)))
    assert "not so: the plant is unharmed at the end" in text


def test_markup_in_a_name_is_only_text(outcome, trial):
    assert "[red]x[/red]" in printed(outcome(guarded=(trial(title="[red]x[/red]"),)))


def test_an_attack_that_was_not_tried_without_a_gateway_leaves_its_cell_empty():
    assert without(None).plain == ""


def test_the_picture_is_an_svg_that_needs_no_network(outcome):
    drawn = picture(outcome())
    assert minidom.parseString(drawn).documentElement.tagName == "svg"  # noqa: S318 - the picture is our own
    assert "font-face" not in drawn
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "").replace("https://www.textualize.io", "")
