"""Services as text: 3, 8/0, 43/14."""

import pytest

from icsguard.protocols.modbus.services import ServiceId, parse_service


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("3", ServiceId(3)),
        ("8/0", ServiceId(8, 0)),
        ("8/65535", ServiceId(8, 65535)),
        ("43/14", ServiceId(43, 14)),
        ("43", ServiceId(43)),
        ("127", ServiceId(127)),
    ],
)
def test_a_service_reads_as_it_is_written(text, service):
    assert service == parse_service(text)
    assert text == str(service)


def test_blanks_around_a_service_do_not_matter():
    assert ServiceId(8, 4) == parse_service(" 8/4 ")


@pytest.mark.parametrize(
    "text", ["", "0", "128", "-3", "3/1", "8/", "/8", "8/65536", "43/256", "8/0/0", "three", "0x03", "٣", "1e1", "8/-1"]
)
def test_what_names_no_service_is_an_error_that_quotes_it(text):
    with pytest.raises(ValueError, match=r"is no service") as error:
        parse_service(text)
    assert repr(text) in str(error.value)
