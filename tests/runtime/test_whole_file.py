import stat

import pytest

from icsguard.runtime.whole_file import put


def test_a_file_is_replaced_at_once_with_its_mode(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    put(path, b"new", 0o600)
    assert b"new" == path.read_bytes()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert [path] == list(tmp_path.iterdir())


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"old")
    (tmp_path / "a.new").mkdir()
    with pytest.raises(OSError, match=r"a\.new"):
        put(path, b"new", 0o600)
    assert b"old" == path.read_bytes()
