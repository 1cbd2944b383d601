import pytest

from icsguard.evidence.stamp import MAX_WALL_NS, moment, stamp


@pytest.mark.parametrize(
    ("wall_ns", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_763_638_810_123_456_789, "2025-11-20T11:40:10.123456Z"),
        (4_102_444_800_000_001_000, "2100-01-01T00:00:00.000001Z"),
        (MAX_WALL_NS, "9999-12-31T23:59:59.999999Z"),
        (MAX_WALL_NS + 10**30, "9999-12-31T23:59:59.999999Z"),
        (-5, "1970-01-01T00:00:00.000000Z"),
    ],
)
def test_a_moment_is_written_in_utc_to_the_microsecond(wall_ns, text):
    assert text == stamp(wall_ns)


def test_a_moment_read_again_is_the_moment_to_the_microsecond():
    assert 1_763_638_810_123_456_000 == moment(stamp(1_763_638_810_123_456_789))


def test_what_is_no_moment_is_an_error():
    with pytest.raises(ValueError, match="does not match"):
        moment("yesterday")
