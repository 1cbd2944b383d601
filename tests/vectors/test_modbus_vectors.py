"""Every vector is parsed to exactly what its file's name and its text say, however its bytes are cut."""

from pathlib import Path

import pytest

from icsguard.protocols.modbus.defects import DEFECTS
from icsguard.protocols.modbus.mbap import MAX_PENDING, Framer, whole
from icsguard.protocols.modbus.meaning import describe
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.protocols.modbus.refuse import refuse
from icsguard.protocols.modbus.rtu import MAX_FRAME, RtuFramer, encode

REMARKS = {"pdu-padding", "response-padding", "response-exception-code"}
PAIRING = {"response-unsolicited", "response-late", "response-duplicate", "response-mismatch"}
OF_THE_DEVICE = {"pdu-device-limit", "pdu-not-framable"}  # laws of one device's settings: tests/conversation shows them


def parsed(adu):
    return parse_request(adu[6], adu[7:])


def code(defect):
    return "" if defect is None else defect.code


def test_a_request_shows_the_defect_that_its_file_is_named_by(request_vector):
    request = parsed(request_vector.raw)
    defect, remark = ("", request_vector.defect) if request_vector.defect in REMARKS else (request_vector.defect, "")
    assert (defect, remark) == (code(request.defect), code(request.remark))


def test_a_sound_request_reads_as_its_text_says(sound_request):
    assert sound_request.text == describe(parsed(sound_request.raw))


def test_a_defective_request_touches_nothing_and_can_be_answered(request_vector):
    request = parsed(request_vector.raw)
    if request.defect is not None:
        assert ((), ()) == (request.accesses, request.changes)
        assert request.defect.reply == DEFECTS[request_vector.defect].reply != 0


def test_a_request_keeps_its_bytes(request_vector):
    assert request_vector.raw[7:] == parsed(request_vector.raw).pdu


def test_a_refusal_is_a_valid_answer_to_its_request(request_vector):
    refusal = refuse(request_vector.raw, 3)
    assert whole(refusal)
    assert (request_vector.raw[:2], request_vector.raw[6]) == (refusal[:2], refusal[6])
    response = parse_response(parsed(request_vector.raw), refusal[7:])
    assert (3, None, None) == (response.exception, response.defect, response.remark)


def test_each_request_is_framed_whole_at_every_split(request_vector):
    raw = request_vector.raw
    assert whole(raw)
    for cut in range(len(raw) + 1):
        framer = Framer()
        frames = framer.feed(raw[:cut]) + framer.feed(raw[cut:])
        assert [raw] == [frame.raw for frame in frames]


def test_a_response_shows_the_defect_that_its_file_is_named_by(response_vector):
    response = parse_response(parse_request(17, response_vector.asked), response_vector.raw)
    named = response_vector.defect
    defect, remark = ("", named) if named in REMARKS else (named, "")
    assert (defect, remark) == (code(response.defect), code(response.remark))
    assert response.defect is None or response.values is None


def test_a_sound_response_has_the_values_that_its_text_says(sound_response):
    response = parse_response(parse_request(17, sound_response.asked), sound_response.raw)
    values = " ".join(str(value) for value in response.values or ())
    assert sound_response.text == (f"exception {response.exception}" if response.exception else values)


def test_a_stream_gives_the_frames_and_the_defect_of_its_file_at_every_split(stream):
    frames_due = int(stream.text.partition(",")[0])
    for cut in range(len(stream.raw) + 1):
        framer = Framer()
        frames = framer.feed(stream.raw[:cut]) + framer.feed(stream.raw[cut:])
        assert frames_due == len(frames)
        assert stream.raw.startswith(b"".join(frame.raw for frame in frames))
        defects = {code(frame.defect) for frame in frames} | {code(framer.fatal)}
        assert ({stream.defect} if stream.defect else {""}) <= defects <= {"", stream.defect}
        assert framer.pending <= MAX_PENDING


def test_a_stream_byte_by_byte_gives_the_same_frames(stream):
    at_once, byte_by_byte = Framer(), Framer()
    frames = [frame for byte in stream.raw for frame in byte_by_byte.feed(bytes([byte]))]
    assert at_once.feed(stream.raw) == frames
    assert at_once.fatal == byte_by_byte.fatal


def rtu_fed(answer, pieces):
    """Return the framer after the pieces, and its frames."""
    framer, frames = RtuFramer(), []
    if answer.asked:
        framer.expect(7, answer.asked)
    for piece in pieces:
        frames += framer.feed(piece) if piece else []
        assert framer.pending <= MAX_FRAME
    return framer, frames


def test_an_rtu_answer_gives_the_frame_and_the_defect_of_its_file_at_every_split(rtu_answer):
    frames_due = int(rtu_answer.text.partition(",")[0])
    for cut in range(len(rtu_answer.raw) + 1):
        framer, frames = rtu_fed(rtu_answer, (rtu_answer.raw[:cut], rtu_answer.raw[cut:]))
        assert frames_due == len(frames)
        assert all(rtu_answer.raw.startswith(encode(frame.unit, frame.pdu)) for frame in frames)
        # What comes apart from its answer is what nobody asked for.
        same = {rtu_answer.defect} | ({"rtu-unsolicited"} if rtu_answer.defect == "rtu-trailing" else set())
        assert code(framer.fatal) in same


def test_an_rtu_answer_byte_by_byte_gives_the_same_frames(rtu_answer):
    _, at_once = rtu_fed(rtu_answer, (rtu_answer.raw,))
    _, one_by_one = rtu_fed(rtu_answer, [bytes([byte]) for byte in rtu_answer.raw])
    assert at_once == one_by_one


@pytest.mark.parametrize("law", [law for law in DEFECTS if law not in PAIRING | OF_THE_DEVICE])
def test_every_defect_of_the_table_has_vectors(law):
    here = Path(__file__).parent / "modbus"
    assert list(here.glob(f"*/{law}.txt")), f"no vectors show {law}"


def test_every_vector_file_is_named_by_a_defect_of_the_table():
    here = Path(__file__).parent / "modbus"
    assert {file.stem for file in here.glob("*/*.txt")} - {"sound"} <= set(DEFECTS)


@pytest.mark.parametrize("folder", ["requests", "responses"])
def test_the_texts_beside_the_vectors_of_a_defect_tell_them_apart(folder):
    here = Path(__file__).parent / "modbus" / folder
    for file in here.glob("[!s]*.txt"):
        texts = [
            line.partition(";")[2].strip() for line in file.read_text(encoding="utf-8").splitlines() if ";" in line
        ]
        assert len(set(texts)) == len(texts), file.name
