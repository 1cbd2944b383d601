import numpy as np

from icsguard.twin.dynamics import Feature, design, fold, holds, step


def test_a_folded_law_moves_as_the_law_itself(law, aligned):
    for state, previous in zip(aligned[50:90], aligned[49:89], strict=True):
        values, changes, constant = fold(law, state)
        moved = state + state @ values + (state - previous) @ changes + constant
        free = [i for i in law.moving if i not in law.tied]
        expected = step(law, state[None], previous[None])[0]
        inside = [i for i in free if law.low[i] < expected[i] < law.high[i]]
        np.testing.assert_allclose(expected[inside], moved[inside], atol=1e-9)


def test_a_term_holds_only_while_its_bits_do(tank):
    law = tank.model().law()
    on, off = np.array([[1.0, 1.0]]), np.array([[1.0, 0.0]])
    assert step(law, on, on)[0, 0] > 1.0 > step(law, off, off)[0, 0]


def test_commands_stand_still(law, aligned):
    moved = step(law, aligned[100:110], aligned[99:109])
    np.testing.assert_array_equal(aligned[100:110, 3:], moved[:, 3:])


def test_values_stay_within_what_the_wire_can_carry(law):
    state = np.array([[50.0, 50.0, 50.0, 1.0, 0.5]])
    moved = step(law, state, state)
    assert (moved[:, law.moving] <= law.high[law.moving]).all()


def test_conditions_are_all_needed():
    rows = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    assert [False, True, False] == list(holds(((0, 1), (1, 1)), rows))
    assert [True, True, True] == list(holds((), rows))


def test_a_change_is_the_difference_to_the_row_before():
    standard = np.array([[1.0], [4.0], [9.0]])
    np.testing.assert_array_equal(
        [[1.0, 4.0, 3.0], [1.0, 9.0, 5.0]], design([Feature(-1), Feature(0), Feature(0, change=True)], standard)
    )
