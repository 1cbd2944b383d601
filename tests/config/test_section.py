import pytest
from pydantic import ValidationError

from icsguard.config.section import Section


class Table(Section):
    key: int = 1


def test_unknown_keys_are_errors_and_values_keep_their_type():
    assert 2 == Table.model_validate({"key": 2}).key
    for wrong in ({"kee": 1}, {"key": "2"}):
        with pytest.raises(ValidationError):
            Table.model_validate(wrong)
