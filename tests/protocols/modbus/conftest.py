"""Strategies that several tests draw from: sound requests by way of the encoders, and bytes that only look so."""

import pytest
from hypothesis import strategies as st

from icsguard.protocols.modbus import build

WORD = st.integers(0, 0xFFFF)


def _words(most):
    return st.lists(WORD, min_size=1, max_size=most)


@st.composite
def _reads(draw):
    function = draw(st.sampled_from([1, 2, 3, 4]))
    count = draw(st.integers(1, 2000 if function < 3 else 125))
    return build.read(function, draw(st.integers(0, 65536 - count)), count)


@st.composite
def _blocks(draw):
    coils = draw(st.booleans())
    values = draw(st.lists(st.integers(0, 1), min_size=1, max_size=1968) if coils else _words(123))
    first = draw(st.integers(0, 65536 - len(values)))
    return build.write_coils(first, values) if coils else build.write_registers(first, values)


@st.composite
def _read_writes(draw):
    values, count = draw(_words(121)), draw(st.integers(1, 125))
    first, into = draw(st.integers(0, 65536 - count)), draw(st.integers(0, 65536 - len(values)))
    return build.read_write(first, count, into, values)


@st.composite
def _file_reads(draw):
    lengths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=35))
    while sum(2 + 2 * length for length in lengths) > 0xF5:
        lengths.pop()
    file, record = st.integers(1, 0xFFFF), st.integers(0, 9960)
    return build.read_files([build.FilePart(draw(file), draw(record), length) for length in lengths])


@st.composite
def _file_writes(draw):
    runs = draw(st.lists(_words(30), min_size=1, max_size=10))
    while sum(7 + 2 * len(words) for words in runs) > 0xFB:
        runs.pop()
    file, record = st.integers(1, 0xFFFF), st.integers(0, 9970)
    return build.write_files([build.FilePart(draw(file), draw(record), words=tuple(words)) for words in runs])


_PRIVATE = [f for f in range(1, 128) if f not in {*range(1, 9), 11, 12, *range(15, 18), *range(20, 25), 43}]
_SINGLE = st.one_of(
    st.builds(lambda address, on: build.write_coil(address, on=on), WORD, st.booleans()),
    st.builds(build.write_register, WORD, WORD),
    st.builds(build.mask_write, WORD, WORD, WORD),
    st.builds(build.read_fifo, WORD),
    st.sampled_from([7, 11, 12, 17]).map(build.bare),
    st.binary(max_size=125).map(lambda half: build.diagnostic(0, half + half)),
    st.sampled_from([1, 2, 4, 10, *range(11, 19), 20]).map(build.diagnostic),
    st.builds(build.identification, st.integers(1, 4), st.integers(0, 255)),
    st.builds(build.encapsulated, st.just(13), st.binary(max_size=251)),
    st.builds(build.private, st.sampled_from(_PRIVATE), st.binary(max_size=252)),
)


@pytest.fixture(scope="session")
def sound_pdus():
    """Strategy: the PDU of any request that breaks no law."""
    return st.one_of(_reads(), _blocks(), _read_writes(), _file_reads(), _file_writes(), _SINGLE)


@pytest.fixture(scope="session")
def noisy_pdus(sound_pdus):
    """Strategy: sound PDUs with one byte changed, cut or added, and plain noise, 1 to 253 bytes."""

    def change(pdu, place, byte):
        place %= len(pdu)
        return pdu[:place] + bytes([byte]) + pdu[place + 1 :]

    changed = st.builds(change, sound_pdus, st.integers(0, 252), st.integers(0, 255))
    cut = st.builds(lambda pdu, end: pdu[: 1 + end % len(pdu)], sound_pdus, st.integers(0, 252))
    longer = st.builds(lambda pdu, more: (pdu + more)[:253], sound_pdus, st.binary(min_size=1, max_size=9))
    return st.one_of(changed, cut, longer, st.binary(min_size=1, max_size=253))
