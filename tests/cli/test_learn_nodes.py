"""`icsguard learn` on a conduit of OPC UA: the twin alone, from the gateway's own journal."""

import json
import math

import pytest

from icsguard.core.decision import Decision
from icsguard.core.transaction import Outcome, Transaction
from icsguard.protocols.opcua.builtin import DataValue, QualifiedName, Variant
from icsguard.protocols.opcua.headers import RequestHeader, ResponseHeader
from icsguard.protocols.opcua.messages_attribute import ReadRequest, ReadResponse, ReadValueId, WriteRequest, WriteValue
from icsguard.protocols.opcua.messages_view import StatusResponse
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import BY_NAME, build_request, build_response
from icsguard.runtime.journal import Entry, JournalWriter, journal_path

pytest.importorskip("onnx")
SECOND = 1_000_000_000
URIS = ("http://opcfoundation.org/UA/", "urn:server", "urn:plant")
READ, WRITE = BY_NAME["Read"].number, BY_NAME["Write"].number
TOKEN = RequestHeader(NodeId(0, "i", 1))


def node(name):
    return NodeId(2, "s", name)


def read(*ids):
    items = tuple(ReadValueId(one, 13, None, QualifiedName()) for one in ids)
    return build_request(TOKEN, ReadRequest(0, 0, items))


def answer(*values):
    return build_response(READ, ResponseHeader(), ReadResponse(tuple(DataValue(one) for one in values), None))


@pytest.fixture
def site(tmp_path, monkeypatch):
    (tmp_path / "icsguard.toml").write_text(
        '[gateway]\nstate = "state"\nrun = "run"\n[conduit.mixer]\nprotocol = "opcua"\n'
        'listen = "127.0.0.1:14840"\ndevice = "127.0.0.1:4840"\nmode = "learn"\npoints = "p.csv"\n'
    )
    (tmp_path / "p.csv").write_text(
        "name,node,safe_min,safe_max\nvalve,nsu=urn:plant;s=Valve,,\nlevel,nsu=urn:plant;s=Level,0,10\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def journal(site):
    """An hour of a tank that fills by its valve, read each second over OPC UA."""
    start, level, valve, rows = 1_700_000_000 * SECOND, 5.0, 0.5, []

    def row(second, request, response):
        at = start + second * SECOND
        row = (len(rows) + 1, "mixer", 1, "10.0.0.21", at, at + 1_000_000, request, response)
        rows.append(Transaction(*row, Decision.ALLOW, Outcome.ANSWERED))

    row(0, read(NodeId(0, "i", 2255)), answer(Variant(12, URIS, is_array=True)))
    for second in range(1, 3_600):
        if second % 60 == 0:
            valve = round(0.5 + 0.4 * math.sin(second / 200), 2)
            items = (WriteValue(node("Valve"), 13, None, DataValue(Variant(11, valve))),)
            body = build_response(WRITE, ResponseHeader(), StatusResponse((0,), None))
            row(second, build_request(TOKEN, WriteRequest(items)), body)
        level += 0.05 * valve - 0.005 * level
        shown = level + 0.01 * math.sin(12.9898 * second * second)  # a sensor has noise
        row(second, read(node("Level"), node("Valve")), answer(Variant(11, shown), Variant(11, valve)))
    writer = JournalWriter(journal_path(site / "state", "mixer"), 100_000_000)
    for at in range(0, len(rows), 256):
        assert writer.append(Entry("r1", 0, rows[at : at + 256], []))
    writer.close()


def test_a_twin_is_fitted_to_what_clients_read_and_wrote_over_opc_ua(icsguard, site, journal):
    ended = icsguard("learn", "mixer", "--json")
    assert 0 == ended.code, ended.out + ended.err
    assert "mixer" == json.loads(ended.out)["conduit"]
    manifest = json.loads((site / "state" / "models" / "mixer" / "manifest.json").read_text())
    assert {"level", "valve"} <= set(json.dumps(manifest).replace('"', " ").split())


@pytest.mark.parametrize("option", ["--review", "--accept"])
def test_no_policy_is_proposed_so_none_is_reviewed_or_accepted(icsguard, site, option):
    ended = icsguard("learn", "mixer", option)
    assert (2, True) == (ended.code, "fits the twin alone" in ended.err)


def test_without_traffic_it_says_how_to_get_some(icsguard, site):
    assert "icsguard mode mixer learn" in icsguard("learn", "mixer").err


def test_without_points_there_is_nothing_to_learn(icsguard, site):
    (site / "p.csv").write_text("name,unit_id,table,address\nlevel,1,input,0\n")
    assert "no point with a node" in icsguard("learn", "mixer").err


def test_a_capture_is_not_read(icsguard, site):
    (site / "line.pcap").write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(20))
    assert "a capture of OPC UA is not read" in icsguard("learn", "mixer", "--from", "line.pcap").err
