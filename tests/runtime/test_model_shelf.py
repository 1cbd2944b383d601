"""Champion, challenger and champions of before: files move whole, and every way has a way back."""

import dataclasses

import numpy as np
import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings, ShadowSettings
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.export import export, site_key
from icsguard.learn.fit import fit
from icsguard.policy.rules import Policy
from icsguard.runtime.model_shelf import MAX_PREVIOUS, Role, Shelf, ShelfError
from icsguard.runtime.model_store import CHALLENGER, LESSON, PUBLIC_KEY, SITE, ModelStore

CONDUIT = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))


@pytest.fixture(scope="module")
def fitted():
    return fit(OfflineCell(1).run(30), CONDUIT, horizon_s=12)


@pytest.fixture
def learnt(fitted, tmp_path):
    """Put another model into a folder; return its digest."""

    def learn(number, *below):
        other = dataclasses.replace(fitted, model=dataclasses.replace(fitted.model, notes=(f"number {number}",)))
        folder = tmp_path.joinpath("models", "cell", *below)
        export(other, folder, site_key(tmp_path))
        return Shelf(folder, tmp_path / PUBLIC_KEY).champion.digest

    return learn


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "models" / "cell", tmp_path / PUBLIC_KEY)


@pytest.fixture
def in_use(tmp_path):
    """Return the digest that a shadow would load; the model must pass every check."""
    settings = Settings(
        GatewaySettings(state_dir=str(tmp_path)), (CONDUIT,), shadow=ShadowSettings(models_dir=str(tmp_path / "models"))
    )

    def load():
        models = ModelStore().load(settings)
        assert "cell" not in models.refused
        return models.sites["cell"].digest

    return load


def test_an_empty_shelf_has_nothing_to_promote_or_to_go_back_to(shelf):
    assert () == shelf.all()
    for move in (shelf.promote, shelf.rollback, shelf.discard):
        with pytest.raises(ShelfError):
            move()


def test_a_promotion_puts_the_challenger_in_use_and_keeps_the_champion(shelf, learnt, in_use):
    old, new = learnt(1), learnt(2, CHALLENGER)
    assert old == in_use()
    assert (new, old) == shelf.promote()
    assert new == in_use()
    assert [(Role.CHAMPION, new), (Role.PREVIOUS, old)] == [(one.role, one.digest) for one in shelf.all()]


def test_one_rollback_goes_back_and_another_takes_that_back(shelf, learnt, in_use):
    old, new = learnt(1), learnt(2, CHALLENGER)
    shelf.promote()
    assert (old, new) == shelf.rollback()
    assert old == in_use()
    assert (new, old) == shelf.rollback()
    assert new == in_use()


def test_a_rollback_can_name_any_model_that_is_kept(shelf, learnt, in_use):
    first = learnt(1)
    for number in range(2, 4):
        learnt(number, CHALLENGER)
        shelf.promote()
    shelf.rollback(first[:6])
    assert first == in_use()
    with pytest.raises(ShelfError, match="000000"):
        shelf.rollback("000000")


def test_only_so_many_champions_are_kept_and_the_oldest_goes(shelf, learnt):
    digests = [learnt(0)]
    for number in range(1, MAX_PREVIOUS + 3):
        digests.append(learnt(number, CHALLENGER))
        shelf.promote()
    assert digests[-2 : -2 - MAX_PREVIOUS : -1] == [one.digest for one in shelf.previous()]


def test_a_spoiled_challenger_is_told_and_never_promoted(shelf, learnt, tmp_path, in_use):
    old = learnt(1)
    learnt(2, CHALLENGER)
    site = tmp_path / "models" / "cell" / CHALLENGER / SITE
    site.write_bytes(site.read_bytes() + b" ")
    assert "install the model again" in shelf.challenger.refused
    with pytest.raises(ShelfError, match="install the model again"):
        shelf.promote()
    assert old == in_use()


def test_a_spoiled_champion_is_replaced_and_not_kept(shelf, learnt, tmp_path, in_use):
    learnt(1)
    new = learnt(2, CHALLENGER)
    (tmp_path / "models" / "cell" / SITE).write_bytes(b"{}")
    assert (new, "") == shelf.promote()
    assert new == in_use()
    assert [] == shelf.previous()


def test_a_retired_champion_is_out_of_use_and_comes_back(shelf, learnt, in_use):
    with pytest.raises(ShelfError, match="no model in use"):
        shelf.retire()
    learnt("old")
    old = shelf.champion.digest
    assert old == shelf.retire()
    assert shelf.champion is None
    assert (old, "") == shelf.rollback()
    assert old == shelf.champion.digest


def test_a_discarded_challenger_is_gone(shelf, learnt):
    old, new = learnt(1), learnt(2, CHALLENGER)
    assert new == shelf.discard()
    assert [old] == [one.digest for one in shelf.all()]


def test_a_lesson_goes_with_its_model_and_never_stays_behind(shelf, fitted, learnt, in_use, tmp_path):
    from icsguard.learn.lesson import Taught, lesson_of
    from icsguard.learn.unlearn import read_lesson

    learnt(1)
    rows = [[float(number), 1.0] for number in range(50)]
    lesson = lesson_of(Taught(("a", "b"), ("a",), (), [np.array(rows)], [range(50)]))
    folder = tmp_path / "models" / "cell"
    export(fitted, folder / CHALLENGER, site_key(tmp_path), lesson)
    shelf.promote()
    assert ("a", "b") == read_lesson(folder).names
    shelf.rollback()
    assert not (folder / LESSON).exists()
    shelf.rollback()
    assert ("a", "b") == read_lesson(folder).names
    in_use()
