import sys
import types

import pytest


@pytest.fixture
def lab(monkeypatch):
    """A lab that writes down with which options it was run."""
    seen = []
    module = types.SimpleNamespace(Options=types.SimpleNamespace, main=lambda options: seen.append(options) or 4)
    monkeypatch.setitem(sys.modules, "icsguard.lab.demo", module)
    return seen


def test_the_options_reach_the_lab_and_its_status_is_the_commands(lab, icsguard, tmp_path):
    ended = icsguard("demo", "--report", tmp_path / "x.html", "--seed", "7", "--fast")
    assert 4 == ended.code
    assert (tmp_path / "x.html", 7, True, False) == (lab[0].report, lab[0].seed, lab[0].fast, lab[0].keep)


def test_a_missing_extra_is_one_line(icsguard, monkeypatch):
    class NoPymodbus:
        @staticmethod
        def find_spec(name, *_rest):
            if name == "icsguard.lab.demo":
                raise ModuleNotFoundError(name="pymodbus")

    monkeypatch.delitem(sys.modules, "icsguard.lab.demo", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoPymodbus, *sys.meta_path])
    ended = icsguard("demo")
    assert 1 == ended.code
    assert "icsguard[lab]" in ended.err
