"""What every protocol must show behind the seam, whichever it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.protocols.registry import PROTOCOLS

CODECS = pytest.mark.parametrize("codec", list(PROTOCOLS.values()), ids=list(PROTOCOLS))


@CODECS
@given(noise=st.binary(max_size=600), cut=st.integers(0, 600))
def test_framing_never_raises_never_grows_and_does_not_care_for_the_cut(codec, noise, cut):
    at_once, in_two = codec.framing(), codec.framing()
    frames = at_once.feed(noise)
    again = [*in_two.feed(noise[:cut]), *in_two.feed(noise[cut:])]
    assert [frame.raw for frame in frames] == [frame.raw for frame in again]
    assert max(at_once.pending, in_two.pending) <= codec.max_pending


@CODECS
@given(noise=st.binary(max_size=600))
def test_whatever_is_framed_has_a_meaning_a_line_and_a_refusal(codec, noise):
    for frame in codec.framing().feed(b"\0\1\0\0" + noise):
        assert codec.describe(frame.raw)
        assert codec.target(frame.raw).isprintable()
        assert codec.meaning(frame.raw).function >= 0
        (refusal,) = codec.framing().feed(codec.refuse(frame.raw, 3))
        assert refusal.defect is None
