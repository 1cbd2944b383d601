"""The law once more, as plainly as it can be read from the specification: what the codec's answers are compared with.

Written from MODBUS Application Protocol V1.1b3 (AP) and the TCP guide, on purpose not with the codec's parsers or
tables, so that a slip in one of them shows. Requests of all functions but files are judged a whole matrix at a time.
"""

import numpy as np

SOUND, FUNCTION, ADDRESS, VALUE = 0, 1, 2, 3  # exception codes of AP §7
_READS = ((1, 2000), (2, 2000), (3, 125), (4, 125))
_ZERO_SUBS = (2, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20)


def frames(stream):
    """Return the ADUs of a stream, the bytes left over, and whether framing was lost (TCP §3.1.3)."""
    found, at = [], 0
    while len(stream) - at >= 6:
        length = stream[at + 4] << 8 | stream[at + 5]
        if length < 2 or length > 254:
            return found, 0, True
        if at + 6 + length > len(stream):
            break
        found.append(stream[at : at + 6 + length])
        at += 6 + length
    return found, len(stream) - at, False


def requests(rows, sizes, *, long_files):
    """Return for each PDU the exception code that answers it, 0 where it is sound."""
    law = _Columns(rows, sizes)
    law.breach(VALUE, (7, 11, 12, 17), sizes != 1)
    for function, most in _READS:
        law.breach(VALUE, (function,), (sizes != 5) | (law.count < 1) | (law.count > most))
        law.breach(ADDRESS, (function,), law.first + law.count > 65536)
    law.breach(VALUE, (5,), (sizes != 5) | ((law.count != 0) & (law.count != 0xFF00)))
    law.breach(VALUE, (6,), sizes != 5)
    law.breach(VALUE, (22,), sizes != 7)
    law.breach(VALUE, (24,), sizes != 3)
    _writes(law)
    _diagnostics(law)
    identified = law.column(1) == 14
    wrong_code = (sizes != 4) | (law.column(2) < 1) | (law.column(2) > 4)
    law.breach(VALUE, (43,), (sizes < 2) | (identified & wrong_code))
    law.due[(law.function == 0) | (law.function > 127)] = FUNCTION
    for index in np.nonzero((law.function == 20) | (law.function == 21))[0]:
        law.due[index] = _files(rows[index, : sizes[index]].tobytes(), 65535 if long_files else 9999)
    return law.due.tolist()


class _Columns:
    """The fields that most functions have, and what is due to each row so far."""

    def __init__(self, rows, sizes):
        self.sizes = sizes
        self.rows = rows[:, :16].astype(np.int64)
        self.function = self.rows[:, 0]
        self.first, self.count = self.word(1), self.word(3)
        self.due = np.zeros(len(sizes), np.int64)

    def column(self, at):
        return self.rows[:, at]

    def word(self, at):
        return self.rows[:, at] << 8 | self.rows[:, at + 1]

    def breach(self, code, functions, broken):
        """The first breach counts: AP §6 judges structure before addresses."""
        for function in functions:
            self.due[(self.function == function) & broken & (self.due == SOUND)] = code


def _writes(law):
    size, count, said = law.sizes, law.count, law.column(5)
    packed = (count + 7) // 8
    law.breach(VALUE, (15,), (size < 6) | (count < 1) | (count > 1968) | (said != packed) | (size != 6 + packed))
    law.breach(VALUE, (16,), (size < 6) | (count < 1) | (count > 123) | (said != 2 * count) | (size != 6 + 2 * count))
    law.breach(ADDRESS, (15, 16), law.first + count > 65536)
    into, written = law.word(5), law.word(7)
    wrong = (size < 10) | (count < 1) | (count > 125) | (written < 1) | (written > 121)
    law.breach(VALUE, (23,), wrong | (law.column(9) != 2 * written) | (size != 10 + 2 * written))
    law.breach(ADDRESS, (23,), (law.first + count > 65536) | (into + written > 65536))


def _diagnostics(law):
    size, sub, data = law.sizes, law.first, law.count
    law.breach(VALUE, (8,), (size < 3) | ((sub == 0) & (size % 2 == 0)))
    for number in _ZERO_SUBS:
        law.breach(VALUE, (8,), (sub == number) & ((size != 5) | (data != 0)))
    law.breach(VALUE, (8,), (sub == 1) & ((size != 5) | ((data != 0) & (data != 0xFF00))))
    law.breach(VALUE, (8,), (sub == 3) & ((size != 5) | (data & 0xFF != 0)))


def _files(pdu, last):
    """Judge functions 20 and 21 (AP §6.14, §6.15) part by part."""
    writes = pdu[0] == 21
    if len(pdu) < 9 or pdu[1] != len(pdu) - 2 or pdu[1] > (0xFB if writes else 0xF5):
        return VALUE
    parts, body = [], pdu[2:]
    while body:
        if len(body) < 7:
            return VALUE
        words = int.from_bytes(body[5:7])
        parts.append((body[0], int.from_bytes(body[1:3]), int.from_bytes(body[3:5]), words))
        size = 7 + (2 * words if writes else 0)
        if len(body) < size:
            return VALUE
        body = body[size:]
    if any(words == 0 for *_, words in parts) or (not writes and sum(2 + 2 * words for *_, words in parts) > 0xF5):
        return VALUE
    if any(kind != 6 or file == 0 or record + words - 1 > last for kind, file, record, words in parts):
        return ADDRESS
    return SOUND


def answers(asked, pdu):
    """Say whether a device's PDU is a lawful answer to the lawful request PDU `asked`, without any quirk."""
    function = asked[0]
    if not pdu or pdu[0] & 0x7F != function:
        return False
    if pdu[0] & 0x80:
        return len(pdu) == 2 and pdu[1] != 0
    if function in {1, 2, 3, 4, 23}:
        count = int.from_bytes(asked[3:5])
        size = (count + 7) // 8 if function < 3 else 2 * count
        return len(pdu) == 2 + size and pdu[1] == size
    if function in {5, 6, 21, 22}:
        return pdu == asked
    if function in {15, 16}:
        return pdu == asked[:5]
    return _RARE.get(function, _anything)(asked, pdu)


def _anything(_asked, _pdu):
    return True


def _diagnosis(asked, pdu):
    sub = int.from_bytes(asked[1:3])
    if sub == 4:
        return False  # AP §6.8.1: no response returned
    if sub in {0, 1, 3, 10, 20}:
        return pdu == asked
    return sub not in _ZERO_SUBS or (len(pdu) == 5 and pdu[:3] == asked[:3])


def _event_log(_asked, pdu):
    return 8 <= len(pdu) <= 72 and pdu[1] == len(pdu) - 2 and pdu[2:4] in {b"\0\0", b"\xff\xff"}


def _file_words(asked, pdu):
    start = 2
    for at in range(2, len(asked), 7):
        size = 1 + 2 * int.from_bytes(asked[at + 5 : at + 7])
        if pdu[start : start + 2] != bytes((size, 6)):
            return False
        start += 1 + size
    return len(pdu) == start == pdu[1] + 2


def _queue(_asked, pdu):
    count = int.from_bytes(pdu[3:5])
    return len(pdu) == 5 + 2 * count and count <= 31 and int.from_bytes(pdu[1:3]) == 2 + 2 * count


def _identification(asked, pdu):
    if asked[1] != 14:
        return len(pdu) > 1 and pdu[1] == asked[1]
    if len(pdu) < 7 or pdu[1:3] != asked[1:3]:
        return False
    body, numbers = pdu[7:], []
    while body:
        if len(body) < 2 or len(body) < 2 + body[1]:
            return False
        numbers.append(body[0])
        body = body[2 + body[1] :]
    asked_one = asked[2] != 4 or numbers == [asked[3]]
    return pdu[3] & 0x7F in {1, 2, 3} and pdu[4] in {0, 255} and len(numbers) == pdu[6] and asked_one


_RARE = {
    7: lambda _, pdu: len(pdu) == 2,
    8: _diagnosis,
    11: lambda _, pdu: len(pdu) == 5 and pdu[1:3] in {b"\0\0", b"\xff\xff"},
    12: _event_log,
    17: lambda _, pdu: len(pdu) >= 4 and pdu[1] == len(pdu) - 2,
    20: _file_words,
    24: _queue,
    43: _identification,
}
