import pytest

from icsguard.evaluation import exhaustion
from icsguard.evaluation.tables import as_text


@pytest.fixture(scope="module")
def found():
    patch = pytest.MonkeyPatch()
    patch.setattr(exhaustion, "SLOTS", 6)
    patch.setattr(exhaustion, "RETURNS", 3)
    patch.setattr(exhaustion, "IDLE_S", 1)
    yield exhaustion.measure(None, 4, 1, lambda _: None)
    patch.undo()


@pytest.mark.parametrize("kind", [exhaustion.HALF, exhaustion.IDLE, exhaustion.BEYOND])
def test_who_gives_nothing_is_ended_at_the_bound(found, kind):
    assert (4, 4) == (found.kinds[kind].count, found.kinds[kind].hits)


def test_whoever_is_known_gets_in_where_strangers_hold_every_slot(found):
    assert (3, 3) == (found.kinds[exhaustion.RETURN].count, found.kinds[exhaustion.RETURN].hits)


def test_the_scada_server_is_served_all_the_time_and_the_device_sees_nobody_else(found):
    assert found.polls > 10
    assert found.polls == found.answered
    assert found.links <= 2


def test_the_table_says_what_went_on_meanwhile(found):
    text = as_text(exhaustion.table({"every plant": found}))
    assert f"asked {found.polls} times" in text
    assert 4 == text.count("| 13 ")
