"""Coverage-guided fuzzing of the codec with atheris, where it is installed; the same promises as the campaign's.

    python tests/fuzz/guided.py [folder for what it finds] [-runs=1000000]

It takes memory of its own for each run (some 5 KiB): give long ones `-rss_limit_mb=0` or start them anew; the campaign,
not this, says whether the codec keeps any. The first byte of an input chooses what the rest is: a stream, a request, or
an answer to one of the sound requests.
"""

import sys
from collections import Counter

import law
import seeds
from answer_target import Answer, Answers
from batches import QUIRK_SETS
from framing_target import Framing, Stream
from mutate import Strings, np
from request_target import Ask, Requests

from icsguard.protocols.modbus.pdu import parse_request
from icsguard.protocols.modbus.quirks import LONG_FILES

SOUND = seeds.request_pdus()
FRAMING, REQUESTS, ANSWERS = Framing(1), Requests(1), Answers(1)


def check(data):
    """Hold the codec to its promises for one input."""
    if len(data) < 3:
        return
    kind, quirks, body = data[0] % 3, QUIRK_SETS[data[1] % len(QUIRK_SETS)], data[2:]
    if kind == 0:
        FRAMING.check(Stream(body, [data[1] % len(body)], bytewise=True), Counter())
    elif kind == 1:
        pdu = body[:253]
        row = np.zeros((1, 296), np.uint8)
        row[0, : len(pdu)] = np.frombuffer(pdu, np.uint8)
        strings = Strings(row, np.array([len(pdu)]))
        (due,) = law.requests(strings.rows, strings.sizes, long_files=LONG_FILES in quirks)
        REQUESTS.check(Ask(17, pdu, quirks, due, deep=True), Counter())
    else:
        asked = parse_request(17, SOUND[body[0] % len(SOUND)], frozenset({LONG_FILES}))
        ANSWERS.check(Answer(asked, body[1:254] or b"\0", quirks), Counter())


def main():
    """Run atheris, or say that it is not there."""
    try:
        import atheris
    except ImportError:
        sys.stdout.write("atheris is not installed here: nothing was run (pip install atheris)\n")
        return
    atheris.instrument_all()
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
