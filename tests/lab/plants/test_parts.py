import pytest

from icsguard.lab.plants.api import Outside, Stroke
from icsguard.lab.plants.parts import by_hand, follow, in_pieces, outage, regulate, towards


def test_a_controller_stands_still_at_its_end():
    assert (1.0, 0.9) == regulate(0.9, 10.0, gain=1.0, reset=1.0, seconds=1.0)


def test_a_controller_integrates_in_between():
    output, bias = regulate(0.5, 0.1, gain=1.0, reset=0.1, seconds=2.0)
    assert 0.6 == pytest.approx(output)
    assert 0.52 == pytest.approx(bias)


def test_a_lag_never_overshoots_whatever_the_step():
    assert 9.9 < towards(0.0, 10.0, 1.0, 1_000.0) < 10.0


def test_a_drive_moves_no_faster_than_it_can():
    assert 2.0 == follow(0.0, 10.0, 0.5, 4.0)
    assert 9.5 == follow(10.0, 9.5, 0.5, 4.0)


def test_a_step_is_taken_in_equal_pieces_none_longer_than_asked_for():
    taken = []

    def piece(state, told, outside, seconds):
        taken.append(seconds)
        return {"age": state["age"] + seconds}

    outside = Outside(0.0, 0.0, 0.0)
    assert {"age": 5.0} == pytest.approx(in_pieces(piece, 2.0)({"age": 0.0}, {}, outside, 5.0))
    assert pytest.approx([5 / 3] * 3) == taken


def test_a_loop_worked_by_hand_is_given_back():
    expected = (
        Stroke(0, "auto", 0, 0),
        Stroke(1, "valve", 10, 20),
        Stroke(9, "valve", 30, 40),
        Stroke(9, "valve", 25, 25),
        Stroke(2, "auto", 1, 1),
    )
    assert expected == by_hand("auto", "valve", (10, 20), (30, 40), back=25, apart=9, after=2)


def test_an_outage_ends():
    assert (Stroke(0, "pump", 0, 0), Stroke(8, "pump", 1, 1)) == outage("pump", 8)
