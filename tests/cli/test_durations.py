import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.cli.durations import in_words, seconds_of, short
from icsguard.cli.exits import CliError, ExitCode


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30), ("10m", 600), ("4h", 14400), ("2d", 172800), ("1h30m", 5400), (" 1 H ", 3600)]
)
def test_durations_are_read_as_operators_write_them(text, expected):
    assert expected == seconds_of(text)


@pytest.mark.parametrize("text", ["", "15", "m", "0s", "-5m", "1.5h", "5 minutes", "1h-", "1e9s", "٣m"])
def test_anything_else_is_a_usage_error(text):
    with pytest.raises(CliError) as error:
        seconds_of(text)
    assert ExitCode.USAGE is error.value.code


@given(st.integers(1, 10**7))
def test_a_short_duration_reads_back(seconds):
    assert seconds == seconds_of(short(seconds))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.42, "0.4 s"),
        (-3, "0.0 s"),
        (42.9, "42 s"),
        (60, "1 m"),
        (22_320, "6 h 12 m"),
        (273_601, "3 d 4 h"),
        (3601, "1 h 1 s"),
    ],
)
def test_a_duration_is_told_in_its_largest_two_units(seconds, expected):
    assert expected == in_words(seconds)


def test_nothing_is_zero_seconds():
    assert "0s" == short(0)
