"""Every OPC UA vector is parsed to exactly what its file's name and its text say, however its bytes are cut."""

import runpy
from pathlib import Path

import pytest

from icsguard.core.meaning import Intent
from icsguard.protocols.opcua.defects import DEFECTS
from icsguard.protocols.opcua.describe import describe
from icsguard.protocols.opcua.headers import REQUEST_HEADER
from icsguard.protocols.opcua.meaning import meaning
from icsguard.protocols.opcua.refuse import fault
from icsguard.protocols.opcua.services import message, parse_request, parse_response
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.uacp import Framer

HERE = Path(__file__).parent
vectors = runpy.run_path(str(HERE / "conftest.py"))["vectors"]
MESSAGES, STREAMS = vectors("opcua/messages"), vectors("opcua/streams")
SOUND = {name: vector for name, vector in MESSAGES.items() if not vector.defect}
BROKEN = {name: vector for name, vector in MESSAGES.items() if vector.defect}


def parsed(vector):
    return parse_response(vector.raw) if "response" in vector.text else parse_request(vector.raw)


@pytest.mark.parametrize("vector", SOUND.values(), ids=SOUND)
def test_a_sound_request_reads_as_its_text_says_and_is_written_as_it_came(vector):
    found = parse_request(vector.raw)
    assert (None, vector.text) == (found.defect, describe(found))
    assert vector.raw == message(found.number, REQUEST_HEADER, found.header, found.body)


@pytest.mark.parametrize("vector", SOUND.values(), ids=SOUND)
def test_no_beginning_of_a_sound_request_passes_for_the_whole(vector):
    for end in range(len(vector.raw)):
        assert parse_request(vector.raw[:end]).defect is not None


@pytest.mark.parametrize("vector", BROKEN.values(), ids=BROKEN)
def test_a_broken_message_shows_the_defect_that_its_file_is_named_by(vector):
    found = parsed(vector)
    assert (vector.defect, None) == (found.defect.code, found.body)


@pytest.mark.parametrize("vector", BROKEN.values(), ids=BROKEN)
def test_a_broken_request_touches_nothing_and_can_be_answered(vector):
    found = parse_request(vector.raw)
    assert (Intent.UNKNOWN, (), ()) == (meaning(found).intent, meaning(found).nodes, meaning(found).node_changes)
    answer = parse_response(fault(found, DEFECTS[vector.defect].reply, 0))
    assert (None, DEFECTS[vector.defect].reply) == (answer.defect, answer.fault)
    assert answer.fault in STATUS.values()


@pytest.mark.parametrize("vector", STREAMS.values(), ids=STREAMS)
def test_a_stream_gives_the_chunks_and_the_defect_of_its_file_at_every_split(vector):
    chunks = int(vector.text.partition(",")[0])
    for cut in range(len(vector.raw) + 1):
        framer = Framer()
        frames = framer.feed(vector.raw[:cut]) + framer.feed(vector.raw[cut:])
        assert (chunks, vector.defect) == (len(frames), framer.fatal.code if framer.fatal else "")
        assert vector.raw.startswith(b"".join(frame.raw for frame in frames))


@pytest.mark.parametrize("law", [law for law in DEFECTS if law.startswith(("codec-", "service-"))])
def test_every_defect_of_the_codec_has_vectors(law):
    assert any(vector.defect == law for vector in MESSAGES.values())
