"""NamedTuples made in C: the same values, the same errors, and nothing else of the class changed."""

import copy
import gc
import pickle
import sys
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from icsguard.runtime import compiled


class Plain(NamedTuple):
    """As it is written: never quickened."""

    first: int
    second: object
    third: str = "x"
    fourth: object = None

    @property
    def double(self):
        return 2 * self.first


class Quick(NamedTuple):
    """The same, quickened."""

    first: int
    second: object
    third: str = "x"
    fourth: object = None

    @property
    def double(self):
        return 2 * self.first


class Bare(NamedTuple):
    """Without defaults."""

    only: int


@pytest.fixture(autouse=True)
def quickened(quick_extension):
    assert [True, True] == [quick_extension.quicken(Quick), quick_extension.quicken(Bare)]


CALLS = [
    ((1, 2), {}),
    ((1, 2, "y"), {}),
    ((1, [], "y", ()), {}),
    ((1,), {"second": 2}),
    ((), {"first": 1, "second": 2, "fourth": 4}),
]
WRONG = [
    ((), {}),
    ((1,), {}),
    ((1, 2, 3, 4, 5), {}),
    ((1, 2), {"first": 1}),
    ((1, 2), {"fifth": 5}),
    (tuple(range(80)), {}),
    ((1,), {f"no{number}": number for number in range(70)}),
]


@pytest.mark.parametrize(("given", "named"), CALLS)
def test_it_holds_what_the_written_class_holds(given, named):
    made = Quick(*given, **named)
    assert tuple(Plain(*given, **named)) == tuple(made)
    assert (Quick, 2 * made.first) == (type(made), made.double)
    assert repr(Plain(*given, **named)).removeprefix("Plain") == repr(made).removeprefix("Quick")


@pytest.mark.parametrize(("given", "named"), WRONG)
def test_a_wrong_call_is_the_same_error(given, named):
    with pytest.raises(TypeError):
        Plain(*given, **named)
    with pytest.raises(TypeError):
        Quick(*given, **named)


def test_a_class_without_defaults_takes_just_its_fields():
    assert (7,) == Bare(7)
    with pytest.raises(TypeError):
        Bare()


def test_copies_and_replacements_are_of_the_class():
    made = Quick(1, [2])
    assert [Quick] * 3 == [type(one) for one in (made._replace(first=3), Quick._make("abcd"), copy.copy(made))]
    assert made == pickle.loads(pickle.dumps(made))  # noqa: S301 - our own bytes


def test_nothing_is_leaked_or_freed_too_early():
    value, default = object(), Quick.__new__.__defaults__[0]
    before = sys.getrefcount(value), sys.getrefcount(default)
    many = [Quick(1, value) for _ in range(1000)]
    assert before[0] + 1000 == sys.getrefcount(value)
    del many
    assert before == (sys.getrefcount(value), sys.getrefcount(default))


def test_the_collector_sees_what_it_holds():
    knot = []
    knot.append(Quick(1, knot))
    assert gc.is_tracked(knot[0])


@pytest.mark.parametrize(
    "kind", [int, tuple, list, type("Sub", (Quick,), {}), type("Own", (tuple,), {"__init__": print})]
)
def test_other_classes_are_left_as_they_are(quick_extension, kind):
    assert not quick_extension.quicken(kind)


def test_only_classes_are_quickened(quick_extension):
    with pytest.raises(TypeError, match="class"):
        quick_extension.quicken(Quick(1, 2))


def test_a_subclass_is_made_as_ever():
    kind = type("Sub", (Quick,), {})
    assert kind is type(kind(1, 2))


def test_the_project_s_own_are_quickened_where_the_extension_is(monkeypatch):
    asked = []
    monkeypatch.setitem(
        sys.modules, "icsguard.runtime._quick", SimpleNamespace(quicken=lambda kind: not asked.append(kind))
    )
    assert 10 < compiled.quicken() == len(asked)
    assert {"icsguard"} == {kind.__module__.partition(".")[0] for kind in asked}


def test_without_the_extension_nothing_is(monkeypatch):
    monkeypatch.setitem(sys.modules, "icsguard.runtime._quick", None)
    assert 0 == compiled.quicken()
