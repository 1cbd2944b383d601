import json

from icsguard import __version__


def test_the_version_is_one_line(icsguard):
    assert icsguard("version").out.startswith(f"icsguard {__version__}  (Python 3.")


def test_the_version_is_json_where_asked_for(icsguard):
    assert {"icsguard", "python", "system"} == set(json.loads(icsguard("version", "--json").out))
