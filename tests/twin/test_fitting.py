import numpy as np
import pytest

from icsguard.twin.dynamics import step


def _forecast(law, rows, steps):
    state, previous = rows[1:-steps].copy(), rows[: -steps - 1].copy()
    for ahead in range(1, steps + 1):
        state, previous = step(law, state, previous), state
        state[:, 3:] = rows[1 + ahead : len(rows) - steps + ahead, 3:]
    return state - rows[1 + steps :]


@pytest.mark.parametrize("steps", [1, 10, 40])
def test_a_level_is_forecast_on_rows_that_did_not_fit_it(law, aligned, steps):
    held_out = aligned[600:]
    errors = _forecast(law, held_out, steps)[:, 0]
    standing = held_out[1 + steps :, 0] - held_out[1:-steps, 0]
    assert np.sqrt((errors**2).mean()) < 0.05
    if steps > 1:
        assert np.sqrt((errors**2).mean()) < 0.25 * np.sqrt((standing**2).mean())


def test_the_pump_bit_is_found_to_drive_its_flow(law, aligned):
    state = aligned[100].copy()
    state[3] = 0.0
    for _ in range(20):
        state = step(law, state[None], state[None])[0]
    assert abs(state[1]) < 0.1
    state[3] = 1.0
    for _ in range(20):
        state = step(law, state[None], state[None])[0]
    assert abs(state[1] - 0.8) < 0.1


def test_a_level_does_not_return_to_its_mean(law, aligned):
    """An integrator keeps what it has; a one-step fit of noisy rows would let it drift back."""
    state = aligned[100].copy()
    state[0], state[1], state[2] = 2.5, 0.45, 0.45
    own = [term for term in law.terms if term.target == 0 and term.feature.point == 0 and not term.feature.change]
    assert sum(abs(term.weight) for term in own) < 0.01


def test_a_command_of_another_loop_explains_nothing(aligned, columns_of):
    from dataclasses import replace

    from icsguard.twin import fitting

    columns = columns_of(aligned[:600])
    acts = columns.acts_on.copy()
    acts[4, :] = False
    law = fitting.fit([aligned[:600]], replace(columns, acts_on=acts)).law
    assert 4 not in {term.feature.point for term in law.terms} | {tie.point for tie in law.ties}


def test_the_same_rows_give_the_same_law(aligned, columns_of):
    from icsguard.twin import fitting

    first = fitting.fit([aligned[:200]], columns_of(aligned[:200]))
    assert first.law.terms == fitting.fit([aligned[:200]], columns_of(aligned[:200])).law.terms


def test_weights_fitted_anew_to_the_same_rows_are_the_same(structure, aligned):
    from icsguard.twin import fitting

    again = fitting.refit(structure, [aligned[:600]])
    assert [term[:2] for term in structure.law.terms] == [term[:2] for term in again.terms]
    np.testing.assert_allclose(
        [term.weight for term in structure.law.terms], [term.weight for term in again.terms], rtol=1e-6, atol=1e-9
    )
    assert len(structure.law.ties) == len(again.ties)


def test_weights_fitted_to_other_rows_still_forecast(structure, aligned):
    from icsguard.twin import fitting

    errors = _forecast(fitting.refit(structure, [aligned[300:]]), aligned[:300], 20)[:, 0]
    assert np.sqrt((errors**2).mean()) < 0.05


def test_bits_keep_their_numbers():
    from icsguard.twin import fitting

    rows = np.array([[0.0, 5.0], [1.0, 5.0]])
    mean, scale = fitting.standardisers(rows, np.array([1.0, 0.1]), np.array([True, False]))
    assert (0.0, 1.0) == (mean[0], scale[0])
    assert (5.0, 0.1) == (mean[1], scale[1])  # a still column is scaled by its quantum


@pytest.mark.parametrize(
    ("lasting", "moved", "causes"), [(60, -4.0, {-1, 0}), (1, -4.0, {-1, 0, 1}), (60, 0.0, {-1, 0, 1})]
)
def test_what_a_short_state_itself_moves_is_not_taken_for_a_cause(monkeypatch, lasting, moved, causes):
    """A drive that was stopped for some rows only: what falls meanwhile looks like a cause, true or not."""
    from icsguard.twin import fitting

    monkeypatch.setattr(fitting, "LASTING", lasting)
    chance, rows = np.random.default_rng(8), np.zeros((1500, 3))
    drive, slow = 50.0, 20.0
    for index in range(1500):
        on = float(index % 75 < 66)
        rows[index] = drive + 0.1 * chance.standard_normal(), slow, on
        drive += 0.4 * ((50.0 + 15.0 * np.sin(index / 40) if on else slow) - drive)
        slow += 2.0 * chance.standard_normal() + (0.02 if on or not moved else 0.0) * (20.0 - slow)
        slow += 0.0 if on else moved
    aligned = rows[:-1].copy()
    aligned[:, 2] = rows[1:, 2]
    mean, scale = fitting.standardisers(aligned, np.full(3, 0.1), np.array([False, False, True]))
    columns = fitting.Columns(
        mean=mean,
        scale=scale,
        low=np.full(3, -1e3),
        high=np.full(3, 1e3),
        moving=(0, 1),
        free=(0, 1),
        numbers=(0, 1),
        bits=(2,),
        acts_on=np.ones((3, 3), dtype=np.bool_),
    )
    law = fitting.fit([aligned], columns).law
    stopped = [term for term in law.terms if term.target == 0 and (2, 0) in term.when]
    assert causes == {term.feature.point for term in stopped}
