import pytest

from icsguard.conversation.hot import MAX_CACHED_READS, CachedRead, VerdictCache, is_hot
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request


def read(pdu, until=1):
    request = parse_request(17, pdu)
    return CachedRead(request, meaning(request), until=until, watched=False)


def test_the_answer_of_a_register_read_is_foretold():
    one = read(bytes((3, 0, 0, 0, 10)))
    assert 29 == one.length
    assert bytes.fromhex("0000 0017 11 03 14") == one.head
    assert (1, *[0] * 8, 515) == one.values(b"\0\1" + bytes(16) + b"\2\3")


def test_the_answer_of_a_coil_read_is_foretold_with_its_padding():
    one = read(bytes((1, 0, 0, 0, 10)))
    assert 11 == one.length
    assert 0b11111100 == one.padding
    assert (1, 0, 0, 0, 0, 0, 0, 0, 1, 1) == one.values(b"\x01\x03")


def test_whole_bytes_have_no_padding():
    assert 0 == read(bytes((1, 0, 0, 0, 16))).padding


@pytest.mark.parametrize(
    "pdu", [b"\x14\x07\x06\0\1\0\0\0\1", b"\x18\0\0", b"\x2b\x0e\1\0", b"\x17\0\0\0\1\0\0\0\1\2\0\0", b"\x03\0\0\0\0"]
)
def test_what_is_no_plain_read_is_never_cached(pdu):
    request = parse_request(17, pdu)
    assert not is_hot(request, meaning(request))


def test_the_cache_is_bounded_against_scanners():
    cache = VerdictCache()
    one = read(bytes((3, 0, 0, 0, 1)))
    for number in range(3 * MAX_CACHED_READS):
        cache.put(b"\0\0" + number.to_bytes(4), one)
        assert len(cache.reads) <= MAX_CACHED_READS


def test_the_key_leaves_out_the_transaction_identifier():
    cache = VerdictCache()
    one = read(bytes((3, 0, 0, 0, 1)))
    cache.put(b"\x00\x01rest", one)
    assert one is cache.reads[b"rest"]
