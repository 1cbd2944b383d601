import math

from icsguard.evaluation.tables import Goal, Table, as_text, goals_table, shown


def test_columns_come_in_the_order_of_their_first_use():
    assert ("a", "b", "c") == Table("t", "T", ({"a": 1, "b": 2}, {"c": 3, "a": 4})).columns


def test_figures_have_at_most_three_digits_after_the_first():
    assert ["0.123", "12.3", "1235", "2", "-", "-", "word"] == [
        shown(one) for one in (0.12345, 12.345, 1234.6, 2.0, None, math.nan, "word")
    ]


def test_a_table_is_markdown_with_notes():
    text = as_text(Table("t", "Title", ({"name": "x", "share": 0.5},), ("A note.",)))
    assert text.splitlines()[0] == "### Title"
    assert "| x    | 0.5   |" in text
    assert text.endswith("A note.\n")


def test_a_table_without_rows_is_still_a_table():
    assert as_text(Table("t", "Title", ())).startswith("### Title")


def test_an_aim_is_said_and_plants_seen_before_stand_beside():
    (row,) = goals_table(
        [Goal("g", ">= 1", "3", reached=True, aim=">= 2", aimed=True, seen="0", seen_reached=False)]
    ).rows
    assert ("aim reached", "0", "NOT REACHED") == (row["verdict"], row["plants seen before"], row["verdict there"])


def test_goals_have_three_verdicts():
    rows = goals_table([Goal("g", ">= 1", "2", verdict) for verdict in (True, False, None)]).rows
    assert ["reached", "NOT REACHED", "not measured"] == [row["verdict"] for row in rows]
