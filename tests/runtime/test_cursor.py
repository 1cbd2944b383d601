import pytest

from icsguard.runtime.cursor import Cursor


def test_a_place_is_kept(tmp_path):
    Cursor(tmp_path / "shipped").save(12)
    assert 12 == Cursor(tmp_path / "shipped").load()


def test_without_a_file_there_is_no_place(tmp_path):
    assert Cursor(tmp_path / "shipped").load() is None


@pytest.mark.parametrize("damage", [b"", b"12", b"x\n", b"-5\n", b"\xff\n", b"9" * 400 + b"\n"])
def test_a_damaged_file_counts_as_none(tmp_path, damage):
    (tmp_path / "shipped").write_bytes(damage)
    assert Cursor(tmp_path / "shipped").load() is None


def test_the_same_place_is_not_written_twice(tmp_path):
    cursor = Cursor(tmp_path / "shipped")
    cursor.save(5)
    (tmp_path / "shipped").unlink()
    cursor.save(5)
    assert not (tmp_path / "shipped").exists()
    cursor.save(6)
    assert "6\n" == (tmp_path / "shipped").read_text()


def test_a_place_that_can_not_be_kept_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        Cursor(tmp_path / "missing" / "shipped").save(1)
