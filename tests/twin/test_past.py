from icsguard.twin.api import Move
from icsguard.twin.grid import Row
from icsguard.twin.past import MAX_KEPT, Past, at_step, known


def test_only_so_many_rows_are_kept_and_a_gap_forgets_them():
    past = Past(("a",), MAX_KEPT + 100)
    for number in range(MAX_KEPT + 5):
        past.take(Row(number, (float(number),), follows=True))
    assert MAX_KEPT == len(past.rows)
    assert [MAX_KEPT + 4.0] == past.last()[0].tolist()
    past.take(Row(9_999, (7.0,), follows=False))
    assert [[7.0], [7.0]] == [one.tolist() for one in past.last()]


def test_a_moving_command_is_where_it_should_be():
    state = [0.0, 0.0]
    at_step(known([Move(1, 5.0, 0.5), Move(7, 1.0)], 2), state, 3)
    assert [0.0, 6.0] == state
