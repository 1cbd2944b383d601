"""The headers of requests and responses."""

from icsguard.protocols.opcua.codec import decoded, encoded
from icsguard.protocols.opcua.headers import REQUEST_HEADER, RESPONSE_HEADER, RequestHeader, ResponseHeader


def test_a_request_header_without_anything_has_29_bytes():
    raw = encoded(REQUEST_HEADER, RequestHeader())
    assert "0000" + "00" * 8 + "00" * 8 + "ff" * 4 + "00" * 4 + "000000" == raw.hex()


def test_headers_are_read_as_they_were_written(sample):
    for seed in range(20):
        for kind, shape in ((RequestHeader, REQUEST_HEADER), (ResponseHeader, RESPONSE_HEADER)):
            value = sample(kind, seed)
            assert value == decoded(shape, encoded(shape, value))
