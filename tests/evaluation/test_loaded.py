import numpy as np
import pytest

from icsguard.evaluation import loaded
from icsguard.evaluation.loaded import DataMissingError, Recording


def test_absent_data_say_where_they_were_looked_for(monkeypatch, tmp_path):
    monkeypatch.setenv(loaded.VARIABLE, str(tmp_path))
    with pytest.raises(DataMissingError, match=str(tmp_path)):
        loaded.folder()


def test_a_part_keeps_labels_with_their_rows():
    whole = Recording("x", ("a",), np.arange(6.0).reshape(6, 1), np.array([0, 0, 1, 1, 0, 0], dtype=bool))
    part = whole.part(2, 5)
    assert [2.0, 3.0, 4.0] == part.values[:, 0].tolist()
    assert [True, True, False] == part.label.tolist()


def test_a_digest_names_the_values():
    values = np.arange(4.0).reshape(2, 2)
    assert loaded.digest(values) == loaded.digest(values.copy())
    assert loaded.digest(values) != loaded.digest(values + 1e-9)


def test_a_real_table_is_read_and_rounded(recorded_data, monkeypatch):
    monkeypatch.setenv(loaded.VARIABLE, str(recorded_data))
    table = loaded.process("batadal", "dataset04", decimals=2)
    assert (4_177, 43) == table.values.shape
    assert 492 == table.label.sum()
    assert (table.values == table.values.round(2)).all()
