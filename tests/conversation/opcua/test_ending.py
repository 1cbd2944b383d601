"""What requests leave behind: rows without secrets, one record each, folded when equal."""

import pytest

from icsguard.conversation.opcua.ending import MAX_RECORDED, masked
from icsguard.core.defect import Defect
from icsguard.core.transaction import Outcome
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_attribute import WriteRequest
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import build_request, parse_request


@pytest.fixture(params=["terminate", "passthrough"])
def session(request, world):
    scene = world(way=request.param)
    return scene, scene.connect().start()


def test_a_mask_takes_the_tokens_place_and_nothing_else():
    body = build_request(RequestHeader(token=NodeId(1, "b", b"secret token"), handle=7), WriteRequest(None))
    out = masked(body, NodeId(0, "i", 3))
    assert b"secret" not in out
    found = parse_request(out)
    assert (NodeId(0, "i", 3), 7, None) == (found.header.token, found.header.handle, found.defect)
    assert b"" == masked(b"\x01", NodeId())


def test_a_denied_write_leaves_one_record_that_says_who_what_why(session):
    scene, peer = session
    peer.write(Allowed=1.0, Denied=9.5)
    (record,) = [one for one in scene.records if one.kind.value == "verdict"]
    assert ("10.0.0.21", 673, "refuse", "opcua") == (record.client, record.function, record.decision, record.protocol)
    assert "nsu=urn:plant;s=Denied" in record.text
    assert "refused 1 of 2" in record.text
    assert {"service": "Write", "refused_items": 1, "items": 2}.items() <= record.facts.items()
    assert record.unit is None
    assert record.reasons


def test_equal_refusals_are_folded_with_their_count(session):
    scene, peer = session
    scene.guard.quarantine.grave.threshold = 1000
    for _ in range(5):
        peer.write(Denied=9.5)
    scene.guard.folder.flush()
    assert 5 == sum(one.repeated for one in scene.records if one.kind.value == "verdict")
    assert 2 == len([one for one in scene.records if one.kind.value == "verdict"])


def test_a_secret_points_value_is_in_no_record(session):
    scene, peer = session
    scene.guard.folder.flush()
    peer.write(PSecret=1234.5, Denied=1.0)
    for record in scene.records:
        assert "1234.5" not in record.text
        assert "" == record.request == record.response


def test_a_record_holds_no_more_bytes_than_it_may(session):
    scene, peer = session
    peer.write(**{"Denied" + "x" * n: 1.0 for n in range(100)})
    assert max(len(record.request) for record in scene.records) <= 2 * MAX_RECORDED


def test_texts_of_the_wire_are_escaped(session):
    scene, peer = session
    peer.write(**{"Den\x1b[31mied\n": 1.0})
    assert all(char.isprintable() for record in scene.records for char in record.text + record.target)


def test_every_transaction_is_mirrored_once_with_its_outcome(session):
    scene, peer = session
    scene.guard.run.mirror.clear()
    peer.read("P1")
    peer.write(Denied=1.0)
    peer.write(Allowed=1.0)
    rows = scene.guard.run.mirror
    assert [Outcome.ANSWERED, Outcome.REFUSED, Outcome.ANSWERED] == [row[9] for row in rows]
    assert [631, 673, 673] == [parse_request(row[6]).number for row in rows]
    assert rows[0][0] < rows[1][0] < rows[2][0]
    assert all(row[7] for row in (rows[0], rows[2]))


def test_peers_that_break_the_law_are_recorded_with_the_code(session):
    from icsguard.conversation.opcua.ending import client_fault, device_fault

    scene, peer = session
    first = client_fault(scene.guard, peer.talk.client, 1, Defect("uacp-type", "no\x07thing", reply=1), scene.now)
    again = client_fault(scene.guard, peer.talk.client, 1, Defect("uacp-type", "nothing", reply=1), scene.now)
    assert first == again == scene.records[-1].id
    assert "\\x07" in scene.records[-1].text
    other = device_fault(scene.guard, peer.talk.client, 1, Defect("response-late", "late"), scene.now)
    assert "device" == scene.guard.run.find(other).kind.value
