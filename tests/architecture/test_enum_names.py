"""What the compiler is given in place of enumerations' members: the same module, and nothing but functions changed."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def enum_names():
    spec = importlib.util.spec_from_file_location("enum_names", ROOT / "tools" / "enum_names.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOURCE = '''"""Naïve text before the code: columns are counted in bytes."""

from enum import IntEnum
from icsguard.core.decision import Decision, Mode
from icsguard.core.ids import AddressRange as Range

DEFAULT = Decision.ALLOW


class Own(IntEnum):
    ONE = 1


def acts(mode: Mode = Mode.LEARN, other: "Decision.HOLD" = Decision.HOLD) -> bool:
    found: Decision.HOLD = Decision.HOLD
    match mode:
        case Mode.ENFORCE:
            return ("é", mode is Mode.ENFORCE, Own.ONE, found, [Mode.LEARN for _ in "ab"])
        case _:
            return lambda: Decision.HOLD.name, Mode.ENFORCE.value
'''


def test_members_that_functions_read_have_names_of_their_own(enum_names):
    text = enum_names.rewritten(SOURCE, {"Decision", "Mode", "Own"})
    assert "_Mode_ENFORCE: _Final = Mode.ENFORCE\n" in text
    assert 'return ("é", mode is _Mode_ENFORCE, Own.ONE, found, [_Mode_LEARN for _ in "ab"])' in text
    assert "return lambda: _Decision_HOLD.name, _Mode_ENFORCE.value" in text


def test_patterns_defaults_annotations_and_the_module_itself_stay(enum_names):
    text = enum_names.rewritten(SOURCE, {"Decision", "Mode", "Own"})
    assert "        case Mode.ENFORCE:\n" in text
    assert 'def acts(mode: Mode = Mode.LEARN, other: "Decision.HOLD" = Decision.HOLD) -> bool:' in text
    assert "    found: Decision.HOLD = _Decision_HOLD\n" in text
    assert "DEFAULT = Decision.ALLOW\n" in text


def test_the_module_does_what_it_did(enum_names):
    spaces = []
    for text in (SOURCE, enum_names.rewritten(SOURCE, {"Decision", "Mode", "Own"})):
        space = {"__name__": "made"}
        exec(compile(text, "made", "exec"), space)  # noqa: S102 - it is the text above
        spaces.append(space)
    first, second = (space["acts"](space["Mode"].ENFORCE)[:2] for space in spaces)
    assert first == second == ("é", True)


def test_a_module_without_members_stays_as_it_is(enum_names):
    assert "x = Decision.ALLOW\n" == enum_names.rewritten("x = Decision.ALLOW\n", {"Decision"})


def test_the_project_s_enumerations_are_found(enum_names):
    names = enum_names.enumerations(ROOT / "icsguard")
    assert {"Decision", "Stage", "Outcome", "LinkState"} <= names
    assert "Verdict" not in names


def test_every_module_of_the_core_is_still_a_module(enum_names):
    names = enum_names.enumerations(ROOT / "icsguard")
    changed = 0
    for path in (ROOT / "icsguard" / "conversation").glob("*.py"):
        text = path.read_text()
        made = enum_names.rewritten(text, names)
        ast.parse(made)
        changed += made != text
    assert 5 < changed
