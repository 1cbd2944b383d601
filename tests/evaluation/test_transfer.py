"""Errors fall with the time on site, a base helps at first, and the table says how much."""

import pytest

from icsguard.evaluation import transfer
from icsguard.evaluation.tables import as_text
from icsguard.evaluation.transfer import HOURS, Curve, curve, table
from icsguard.lab.plants.catalog import PLANTS


@pytest.fixture(scope="module")
def learnt():
    patch = pytest.MonkeyPatch()
    patch.setattr(transfer, "BASE_HOURS", 12)
    patch.setattr(transfer, "JUDGED_HOURS", 6)
    yield curve(PLANTS["water"], 1, lambda _: None)
    patch.undo()


def test_more_time_on_site_is_a_better_model(learnt):
    assert learnt.scratch[-1] < 0.7 * learnt.scratch[0]


def test_a_base_helps_where_little_was_seen(learnt):
    assert learnt.transfer[0] < learnt.scratch[0]


def test_saved_time_is_read_from_the_curve_from_scratch():
    scratch = tuple(1.0 / (number + 1) for number in range(len(HOURS)))
    better = (scratch[3], *scratch[1:])
    one = Curve("water", scratch, better)
    assert HOURS[3] == one.saved(0.25)
    assert HOURS[1] == one.saved(0.5)
    assert HOURS[-1] == Curve("water", scratch, (0.0, *scratch[1:])).saved(0.25)


def test_the_table_shows_both_ways(learnt):
    text = as_text(table([learnt]))
    for expected in ("from scratch", "with the base", "16 h", "as good as"):
        assert expected in text
