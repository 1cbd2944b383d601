"""Real traffic through framing, reassembly and codec: the same services as an independent reader finds.

The recordings are not part of the project; without them these tests are skipped (see the `captures` fixture).
"""

import importlib.util
import sys
from collections import Counter

import pytest

from icsguard.core.defect import Defect
from icsguard.protocols.opcua.correlate import Correlator, Pairing, Pending
from icsguard.protocols.opcua.handshake import parse_greeting
from icsguard.protocols.opcua.order import Order
from icsguard.protocols.opcua.passthrough import Watch
from icsguard.protocols.opcua.services import SERVICES, parse_request, parse_response, peek
from icsguard.protocols.opcua.uacp import CLOSE, MESSAGE, OPEN, Framer

FOLDERS = ("pcap_icsnpp_opcua/*.pcap", "pcap_open62541/*.pcap", "pcap_ct_samples/*opc*.pcap")


@pytest.fixture(scope="module")
def loaders(captures):
    """The independent reader that lies beside the recordings."""
    spec = importlib.util.spec_from_file_location("capture_loaders_opcua", captures / "loaders.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


class Reader:
    """Frames, pairs and judges a capture, and counts what it finds."""

    def __init__(self, loaders, path):
        self.framers, self.watches, self.links, self.orders = {}, {}, {}, {}
        self.services, self.faults, self.pairings = Counter(), Counter(), Counter()
        self.chunks = 0
        streams = loaders._Streams()
        for s in loaders.tcp_segments(path):
            flow, data = streams.push(s)
            streams.keep(flow, b"")
            if data:
                self.segment(flow, frozenset([(s.src, s.sport), (s.dst, s.dport)]), data)

    def segment(self, flow, link, data):
        if not self.speaks(flow, data):
            return
        framer = self.framers.setdefault(flow, Framer())
        for frame in framer.feed(data):
            self.chunks += 1
            self.order(flow, link, frame.kind)
            watch = self.watches.setdefault(link, Watch())
            if frame.kind in {MESSAGE, CLOSE}:
                self.message(link, watch, frame)
            elif frame.kind == OPEN:
                self.fault(watch.opened(frame, from_client=False))
            else:
                self.fault(parse_greeting(frame))
        self.fault(framer.fatal)

    def order(self, flow, link, kind):
        """Follow the life of each connection that was recorded from its greeting on."""
        if kind == b"HEL":
            self.orders[link] = Order(), flow
        order, client = self.orders.get(link, (None, None))
        if order is not None:
            self.fault(order.seen(kind, from_client=flow == client))

    def speaks(self, flow, data):
        return flow in self.framers or data[:3] in {b"HEL", b"ACK", b"ERR", b"OPN", b"MSG", b"CLO"}

    def message(self, link, watch, frame):
        asks = peek(frame.raw[24:]) in SERVICES or watch.mode is None
        whole = watch.seen(frame, from_client=asks)
        if whole is None or isinstance(whole, Defect):
            self.fault(whole)
            return
        number = peek(whole.body)
        self.services[number] += 1
        table = self.links.setdefault(link, Correlator())
        if number in SERVICES:
            request = parse_request(whole.body)
            self.fault(request.defect)
            self.fault(table.add(Pending(self.chunks, whole.request, 0, request)))
            return
        response = parse_response(whole.body)
        self.fault(response.defect)
        match = table.match(whole.request, response)
        self.pairings[match.pairing] += 1
        if match.pairing is not Pairing.UNSOLICITED:  # the recording began after the request
            self.fault(match.defect or match.remark)

    def fault(self, found):
        if isinstance(found, Defect):
            self.faults[found.code] += 1


# What is wrong in each recording; all others are read without a fault.
ODD = {
    # attacks on Call: nodes that announce more bytes than there are; the server answers ERR
    "opc-ua-ap-method.pcap": {"codec-short": 1, "codec-mask": 1},
    # a test server with 2 x 2 dimensions on 3 elements, and a DataValue in a DataValue
    "open62541_read_service_test_data.pcap": {"codec-dimensions": 9, "codec-nested": 3},
    "open62541_read_service_test_data_with_history.pcap": {"codec-dimensions": 9, "codec-nested": 3},
    # a deprecated policy
    "open62541_client-server_encrypted.pcap": {"channel-policy": 2},
}


def test_every_recording_has_the_services_of_the_independent_reader_and_only_its_known_faults(loaders, captures):
    paths = sorted(path for folder in FOLDERS for path in captures.glob(folder))
    assert 30 == len(paths)
    for path in paths:
        reader = Reader(loaders, path)
        rows = list(loaders.uacp_rows(path))
        assert len(rows) == reader.chunks, path.name
        assert Counter(row.service for row in rows if row.service) == reader.services, path.name
        assert ODD.get(path.name, {}) == dict(reader.faults), path.name
        assert {Pairing.MATCHED, Pairing.UNSOLICITED} >= set(reader.pairings), path.name


def test_a_recording_byte_by_byte_gives_the_same_chunks(loaders, captures):
    path = captures / "pcap_icsnpp_opcua" / "open62541_client-server_mainloop.pcap"
    framers = {}
    streams = loaders._Streams()
    for s in loaders.tcp_segments(path):
        flow, data = streams.push(s)
        streams.keep(flow, b"")
        whole, split = framers.setdefault(flow, (Framer(), Framer()))
        assert whole.feed(data) == [frame for byte in data for frame in split.feed(bytes([byte]))]
