import json

from icsguard import __version__
from icsguard.runtime import compiled


def test_the_version_is_one_line(icsguard):
    assert icsguard("version").out.startswith(f"icsguard {__version__}  (Python 3.")


def test_the_version_is_json_where_asked_for(icsguard):
    assert {"icsguard", "python", "system", "core", "core_why"} == set(json.loads(icsguard("version", "--json").out))


def test_the_version_says_whether_the_core_is_compiled(icsguard, monkeypatch):
    monkeypatch.setenv("ICSGUARD_CORE", "python")
    assert ", Python core)" in icsguard("version").out
    monkeypatch.setattr(compiled, "find", lambda: compiled.Core(is_compiled=True, why="/somewhere"))
    assert ", compiled core)" in icsguard("version").out
