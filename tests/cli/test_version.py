import json
from types import SimpleNamespace

from icsguard import __version__
from icsguard.cli import version


def test_the_version_is_one_line(icsguard):
    assert icsguard("version").out.startswith(f"icsguard {__version__}  (Python 3.")


def test_the_version_is_json_where_asked_for(icsguard):
    assert {"icsguard", "python", "system", "core"} == set(json.loads(icsguard("version", "--json").out))


def test_the_version_says_whether_the_core_is_compiled(icsguard, monkeypatch):
    assert ", Python core)" in icsguard("version").out
    extension = SimpleNamespace(origin="/somewhere/icsguard/conversation/session.cpython-311.so")
    monkeypatch.setattr(version, "find_spec", lambda name: extension)
    assert "compiled" == version.core()
