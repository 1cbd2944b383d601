"""What every format owes the recorder: hostile text of any size, no exception, its own bound kept."""

import pytest

from icsguard.evidence.api import Formatter
from icsguard.evidence.syslog5424 import Syslog5424

FORMATTERS: list[Formatter] = [Syslog5424("edge1"), Syslog5424("edge1", max_bytes=2_048)]


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_a_format_keeps_its_bound_whatever_comes(formatter, full_record, hostile_record):
    for record in (full_record, hostile_record):
        message = formatter.format(record, 1, 1)
        assert 0 < len(message) <= formatter.max_bytes
        assert b"\n" not in message


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_a_format_has_a_name_and_gives_the_same_bytes_twice(formatter, full_record):
    assert formatter.name.isalnum()
    assert formatter.format(full_record, 1, 1) == formatter.format(full_record, 1, 1)
