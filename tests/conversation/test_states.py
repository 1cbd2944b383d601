import pytest

from icsguard.conversation.states import (
    CLIENT_MOVES,
    LINK_MOVES,
    STAGE_MOVES,
    ClientState,
    IllegalMoveError,
    LinkState,
    Stage,
    moved,
)


@pytest.mark.parametrize(
    ("table", "states"), [(STAGE_MOVES, Stage), (LINK_MOVES, LinkState), (CLIENT_MOVES, ClientState)]
)
def test_every_state_has_its_row(table, states):
    assert set(states) == set(table)


@pytest.mark.parametrize(
    ("table", "start"),
    [(STAGE_MOVES, Stage.WAITING), (LINK_MOVES, LinkState.DOWN), (CLIENT_MOVES, ClientState.OPEN)],
)
def test_every_state_can_be_reached(table, start):
    reached, new = set(), {start}
    while new:
        reached |= new
        new = {after for state in new for after in table[state]} - reached
    assert set(table) == reached


def test_an_ended_flight_never_moves_again():
    for stage in Stage:
        with pytest.raises(IllegalMoveError):
            moved(STAGE_MOVES, Stage.ENDED, stage)


def test_a_legal_move_gives_the_new_state():
    assert LinkState.UP is moved(LINK_MOVES, LinkState.OPENING, LinkState.UP)


def test_an_illegal_move_names_both_states():
    with pytest.raises(IllegalMoveError, match="'down' to 'up'"):
        moved(LINK_MOVES, LinkState.DOWN, LinkState.UP)
