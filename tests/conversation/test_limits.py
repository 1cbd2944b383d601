import pytest

from icsguard.conversation.limits import answer_size, lawful, within
from icsguard.protocols.modbus.pdu import parse_request


@pytest.mark.parametrize(
    ("pdu", "size"),
    [
        (bytes((1, 0, 0, 0, 9)), 4),
        (bytes((3, 0, 0, 0, 10)), 22),
        (bytes((23, 0, 0, 0, 5, 0, 0, 0, 1, 2, 0, 0)), 12),
        (bytes((6, 0, 0, 0, 1)), 0),
        (bytes((7,)), 0),
    ],
)
def test_the_answers_size_follows_from_the_request(pdu, size):
    assert size == answer_size(parse_request(1, pdu))


@pytest.mark.parametrize(
    ("pdu", "limit", "code"),
    [
        (bytes((3, 0, 0, 0, 31)), 64, None),
        (bytes((3, 0, 0, 0, 32)), 64, "pdu-device-limit"),
        (bytes((16, 0, 0, 0, 4, 8)) + bytes(8), 13, "pdu-device-limit"),
        (bytes((16, 0, 0, 0, 4, 8)) + bytes(8), 14, None),
        (bytes((3, 0, 0, 0, 125)), 253, None),
        (bytes((3, 0, 0, 0, 0)), 8, "pdu-quantity"),
    ],
)
def test_what_is_more_than_the_device_takes_is_a_defect(pdu, limit, code):
    found = within(limit, parse_request(1, pdu), pdu).defect
    assert code == (found.code if found else None)


def test_an_answer_is_judged_by_the_request_without_the_devices_limit():
    pdu = bytes((3, 0, 0, 0, 32))
    request = parse_request(1, pdu)
    assert request == lawful(within(64, request, pdu)) == lawful(request)
    defective = parse_request(1, bytes((3, 0, 0, 0, 0)))
    assert defective is lawful(defective)
