"""Real traffic through the codec: the same ADUs as an independent reader finds, and no fault where there is none.

The recordings are not part of the project; without them these tests are skipped (see the `captures` fixture).
"""

import importlib.util
import sys
from collections import Counter

import pytest

from icsguard.protocols.modbus.correlate import Correlator, Pairing, Pending
from icsguard.protocols.modbus.mbap import Framer
from icsguard.protocols.modbus.pdu import parse_request, parse_response

PORT = 502


@pytest.fixture(scope="module")
def loaders(captures):
    """The independent reader that lies beside the recordings."""
    spec = importlib.util.spec_from_file_location("capture_loaders", captures / "loaders.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


class Reassembly:
    """In-order bytes of each direction; None marks a new start (SYN, or a missing segment)."""

    def __init__(self):
        self._next = {}

    def push(self, s):
        flow = (s.src, s.sport, s.dst, s.dport)
        if s.syn:
            self._next[flow] = (s.seq + 1) & 0xFFFFFFFF
            return flow, True, b""
        ahead = (s.seq - self._next.get(flow, s.seq)) & 0xFFFFFFFF
        if not s.payload:
            return flow, False, b""
        payload = s.payload[0x100000000 - ahead :] if ahead >= 0x80000000 else s.payload
        if payload:
            self._next[flow] = (s.seq + len(s.payload)) & 0xFFFFFFFF
        return flow, 0 < ahead < 0x80000000, payload


class Reader:
    """Frames, pairs and judges a capture as the gateway would, and counts what it finds."""

    def __init__(self, loaders, path):
        self.framers, self.links = {}, {}
        self.adus, self.faults, self.pairings = [], Counter(), Counter()
        streams = Reassembly()
        for s in loaders.tcp_segments(path):
            if PORT not in (s.sport, s.dport):
                continue
            flow, fresh, payload = streams.push(s)
            if fresh:
                self.framers.pop(flow, None)
            self.segment(flow, payload, int(s.ts * 1e9))

    def segment(self, flow, payload, now):
        framer = self.framers.setdefault(flow, Framer())
        for frame in framer.feed(payload):
            self.adus.append(frame.raw)
            if frame.defect:
                self.faults[frame.defect.code] += 1
            elif flow[3] == PORT:
                self.request(flow, frame, now)
            else:
                self.response(flow, frame)
        if framer.fatal:
            self.faults[framer.fatal.code] += 1
            del self.framers[flow]

    def request(self, flow, frame, now):
        request = parse_request(frame.unit, frame.pdu)
        self.fault(request)
        link = self.links.setdefault(flow, Correlator())
        link.expire(now)
        assert link.add(Pending(len(self.adus), frame.tid, frame.unit, frame.pdu[0], now + 5_000_000_000, request))

    def response(self, flow, frame):
        link = self.links.get((flow[2], flow[3], flow[0], flow[1]))
        if link is None:  # the recording began after the request
            return
        match = link.match(frame)
        self.pairings[match.pairing] += 1
        if match.pairing is Pairing.MATCHED:
            self.fault(parse_response(match.pending.request, frame.pdu))

    def fault(self, parsed):
        for breach in (parsed.defect, parsed.remark):
            if breach:
                self.faults[breach.code] += 1


BENIGN = {  # ADUs, and responses whose requests were sent before the recording began
    "modbus_benign/ModbusTCP.pcap": (15_976, 3),
    "modbus_benign/modbus_test.pcap": (2_258, 0),
    "pcap_iti/modbusSmall.pcap": (32, 0),
    "lemay/CnC_uploading_exe_modbus_6RTU_with_operate.pcap": (290, 0),
    "lemay/characterization_modbus_6RTU_with_operate.pcap": (7_919, 0),
    "lemay/moving_two_files_modbus_6RTU.pcap": (720, 0),
}


@pytest.mark.parametrize("name", BENIGN)
def test_benign_traffic_is_read_whole_and_without_a_fault(loaders, captures, name):
    reader = Reader(loaders, captures / name)
    adus, early = BENIGN[name]
    assert adus == len(reader.adus) == sum(1 for _ in loaders.modbus_rows(captures / name))
    assert Counter() == reader.faults
    assert {Pairing.MATCHED, Pairing.UNSOLICITED} >= set(reader.pairings)
    assert early == reader.pairings[Pairing.UNSOLICITED]


# What is wrong in each recording, and by how many ADUs the independent reader differs: after an ADU of another protocol
# it waits for the next segment, while only a wrong length ends our framing.
ODD = {
    "pcap_iti/fuzz-1011.pcap": ({"pdu-quantity": 1}, 0),
    "pcap_iti/fuzz-72.pcap": ({"mbap-length": 2, "mbap-protocol-id": 2}, 2),
    "pcap_iti/modbus_test_data_part1.pcap": ({"pdu-length": 2, "mbap-length": 3, "mbap-protocol-id": 2}, 2),
    "pcap_iti/modbus_test_data_part2.pcap": ({"pdu-function": 1, "pdu-quantity": 6, "pdu-length": 9}, 0),
    "pcap_zeek/4SICS-GeekLounge-151022-min.pcap": ({"pdu-quantity": 1}, 0),
    "pcap_zeek/modbus-and-non-modbus-p502.pcap": ({"mbap-length": 6, "mbap-protocol-id": 5}, 5),
    "pcap_zeek/modbus-eit.pcap": ({"response-identification": 1}, 0),
    "pcap_icsnpp_modbus/modbus_example.pcap": ({"pdu-length": 2}, 0),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_traffic_shows_exactly_its_known_faults(loaders, captures, name):
    reader = Reader(loaders, captures / name)
    faults, more = ODD[name]
    assert faults == dict(reader.faults)
    assert more == len(reader.adus) - sum(1 for _ in loaders.modbus_rows(captures / name))


@pytest.mark.parametrize("name", ["modbus_benign/ModbusTCP.pcap", "pcap_iti/modbus_test_data_part2.pcap"])
def test_real_traffic_byte_by_byte_gives_the_same_frames(loaders, captures, name):
    streams, whole, split = Reassembly(), {}, {}
    for s in loaders.tcp_segments(captures / name):
        if PORT not in (s.sport, s.dport):
            continue
        flow, fresh, payload = streams.push(s)
        if fresh:
            whole[flow], split[flow] = Framer(), Framer()
        one, other = whole.setdefault(flow, Framer()), split.setdefault(flow, Framer())
        assert one.feed(payload) == [frame for byte in payload for frame in other.feed(bytes([byte]))]


def test_values_are_those_of_the_independent_reader(loaders, captures):
    path = captures / "modbus_benign/ModbusTCP.pcap"
    reader = Reader(loaders, path)
    for raw, row in zip(reader.adus, loaders.modbus_rows(path), strict=True):
        assert (row.tid, row.unit, row.fc) == (int.from_bytes(raw[:2]), raw[6], raw[7])
        if row.is_response:
            continue
        request = parse_request(row.unit, raw[7:])
        assert (row.address, row.quantity) == (request.accesses[0].span.first, request.accesses[0].span.count)
        if request.changes:
            assert row.values == request.changes[0].values
