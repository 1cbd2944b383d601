"""What was unlearnt was never there: the model equals the one of a fit that never saw it, number by number."""

from dataclasses import replace

import pytest

from icsguard.config.settings import Conduit
from icsguard.core.clock import HOUR, SECOND
from icsguard.inference.api import ModelRefusedError
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.export import export, onnx_bytes, site_key
from icsguard.learn.fit import NothingToLearnError, fit
from icsguard.learn.teach import Teaching, lesson_from, outside, teach
from icsguard.learn.unlearn import (
    FORGOTTEN,
    MAX_FORGOTTEN,
    UnlearnError,
    forget,
    forgotten,
    read_lesson,
    remembered,
    unlearn,
)
from icsguard.policy.rules import Policy
from icsguard.runtime.model_store import LESSON
from icsguard.twin import site_model

CONDUIT = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))
TEACHING = Teaching(horizon_s=12.0, window_s=5.0)


def silent(*_):
    """Tell nobody."""


@pytest.fixture(scope="module")
def traffic():
    """Three stretches of 30 s in the middles of three hours."""
    cell = OfflineCell(1)
    made = []
    for _ in range(3):
        cell.now = cell.now - cell.now % HOUR + HOUR + HOUR // 2
        cell._scanned = cell.now
        made += cell.run(30)
    return made


@pytest.fixture(scope="module")
def span(traffic):
    """Twenty seconds of the second hour."""
    middle = traffic[len(traffic) // 2].request_at
    return middle - 10 * SECOND, middle + 10 * SECOND


@pytest.fixture(scope="module")
def taught(traffic):
    return teach(traffic, CONDUIT, TEACHING)


def do(lesson, traffic, span):
    return unlearn(CONDUIT, lesson, traffic, span, TEACHING, flow_model=None, progress=silent)


def test_the_model_is_that_of_a_fit_that_never_saw_the_span(taught, traffic, span):
    done = do(taught.lesson, traffic, span)
    never = fit(outside(traffic, [span]), CONDUIT, horizon_s=12.0)
    assert site_model.encode(never.model) == site_model.encode(done.lessoned.fitted.model)
    assert onnx_bytes(never.matrices) == onnx_bytes(done.lessoned.fitted.matrices)
    assert site_model.encode(taught.fitted.model) != site_model.encode(never.model)
    assert done.rows_after < done.rows_before
    assert done.difference < 1e-12


def test_the_statistics_of_what_is_left_are_those_of_before_less_the_spans(taught, traffic, span):
    done = do(taught.lesson, traffic, span)
    untouched = [one for one in taught.lesson.segments if one not in taught.lesson.within(*span)]
    assert 2 == len(untouched)
    again = lesson_from(outside(traffic, [span]), CONDUIT, 12.0, like=taught.lesson)
    removed = taught.lesson.total() - again.total()
    assert done.rows_before - done.rows_after == removed.rows > 50


def test_a_span_that_taught_nothing_is_told(taught, traffic):
    with pytest.raises(UnlearnError, match="nothing in that time"):
        do(taught.lesson, traffic, (0, SECOND))


def test_other_traffic_than_what_taught_the_model_is_refused(taught, traffic, span):
    with pytest.raises(UnlearnError, match="not the traffic that taught"):
        do(taught.lesson, traffic[: len(traffic) // 2], span)
    with pytest.raises(UnlearnError, match="not the traffic that taught"):
        do(taught.lesson, [], span)
    with pytest.raises(UnlearnError, match="not the traffic that taught"):
        do(replace(taught.lesson, names=("other", *taught.lesson.names[1:])), traffic, span)


def test_a_span_that_covers_everything_leaves_nothing_to_learn_from(taught, traffic):
    with pytest.raises(NothingToLearnError):
        do(taught.lesson, traffic, (0, 1 << 62))


def test_later_traffic_of_the_same_journal_does_not_disturb(taught, traffic, span):
    cell = OfflineCell(9)
    cell.now = cell._scanned = traffic[-1].request_at + 5 * HOUR
    done = do(taught.lesson, [*traffic, *cell.run(2)], span)
    assert done.difference < 1e-12


def test_the_lesson_lies_signed_beside_the_model(taught, tmp_path):
    manifest = export(taught.fitted, tmp_path, site_key(tmp_path), taught.lesson)
    assert LESSON in manifest.files
    assert taught.lesson.names == read_lesson(tmp_path).names
    (tmp_path / LESSON).write_bytes(b"\x90")
    with pytest.raises(ModelRefusedError):
        read_lesson(tmp_path)


def test_forgotten_spans_never_teach_again(traffic, span, tmp_path):
    assert () == forgotten(tmp_path)
    forget(tmp_path, span, "intrusion")
    assert [span] == [(one.since, one.until) for one in forgotten(tmp_path)]
    kept = remembered(tmp_path, traffic)
    assert 0 < len(traffic) - len(kept) < len(traffic) // 2
    assert not any(span[0] <= one.request_at < span[1] for one in kept)


def test_a_list_of_the_forgotten_that_cannot_be_read_stops_learning(tmp_path, traffic, span):
    (tmp_path / FORGOTTEN).write_text("[{]")
    with pytest.raises(ModelRefusedError, match="not known"):
        remembered(tmp_path, traffic)


def test_the_list_of_the_forgotten_is_bounded(tmp_path, span):
    entry = '{"since":1,"until":2,"reason":"x"}'
    (tmp_path / FORGOTTEN).write_text(f"[{','.join([entry] * MAX_FORGOTTEN)}]")
    with pytest.raises(UnlearnError, match="learn anew"):
        forget(tmp_path, span, "one more")
