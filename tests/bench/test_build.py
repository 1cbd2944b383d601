"""Building: a missing compiler is one clear line, a fresh program is kept."""

import pytest

from bench.build import PROGRAMS, NoCompilerError, build, compiler


def test_a_missing_compiler_names_the_package(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(NoCompilerError, match="apt install gcc"):
        compiler()


def test_what_is_fresh_is_not_built_again(programs):
    before = {name: (programs / name).stat().st_mtime_ns for name in PROGRAMS}
    build()
    assert before == {name: (programs / name).stat().st_mtime_ns for name in PROGRAMS}
