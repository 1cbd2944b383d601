from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.learn.capture import CaptureError, segments


@pytest.fixture
def read(tmp_path):
    def parse(data: bytes):
        path = tmp_path / "some.pcap"
        path.write_bytes(data)
        counts: Counter[str] = Counter()
        return list(segments(path, counts)), counts

    return parse


def test_pcap_with_micro_and_nanoseconds_and_pcapng_give_the_same_segments(read, dialogue, frames, as_pcap, as_pcapng):
    dialogue.open().ask(b"question").answer(b"answer").close()
    wire = frames(dialogue.segments)
    for data in (as_pcap(wire), as_pcap(wire, nano=True), as_pcapng(wire)):
        assert dialogue.segments == read(data)[0]


def test_ipv6_vlan_raw_ip_and_linux_cooked_captures_are_read(read, new_dialogue, frames, as_pcap):
    six = new_dialogue(client=("2001:db8::21", 40_001), device=("2001:db8::5", 502)).ask(b"question")
    assert six.segments == read(as_pcap(frames(six.segments)))[0]
    four = new_dialogue().ask(b"question")
    ((at, frame),) = frames(four.segments)
    assert four.segments == read(as_pcap([(at, frame[:12] + b"\x81\x00\0\7" + frame[12:])]))[0]
    assert four.segments == read(as_pcap([(at, frame[14:])], 101))[0]
    assert four.segments == read(as_pcap([(at, b"\0" * 14 + frame[12:])], 113))[0]
    assert four.segments == read(as_pcap([(at, frame[12:14] + b"\0" * 18 + frame[14:])], 276))[0]
    assert four.segments == read(as_pcap([(at, b"\2\0\0\0" + frame[14:])], 0))[0]


def test_what_is_no_tcp_is_counted(read, as_pcap):
    found, counts = read(as_pcap([(1, b"\2" * 12 + b"\x08\x06" + b"\0" * 46), (2, b""), (3, b"\x45")], 1))
    assert ([], 3, 3) == (found, counts["not_tcp"], counts["packets"])


@pytest.mark.parametrize("data", [b"", b"PK\3\4", b"\n\r\r\n", b"hello, I am a text file\n" * 10])
def test_what_is_no_capture_is_one_clear_error(read, data):
    with pytest.raises(CaptureError, match="no pcap or pcapng"):
        read(data)


def test_a_missing_file_is_one_clear_error(tmp_path):
    with pytest.raises(CaptureError, match="cannot be read: No such file"):
        list(segments(tmp_path / "none.pcap", Counter()))


def test_a_capture_that_was_cut_off_counts_up_to_there(read, dialogue, frames, as_pcap, as_pcapng):
    dialogue.ask(b"one").ask(b"two")
    wire = frames(dialogue.segments)
    for data in (as_pcap(wire), as_pcapng(wire)):
        assert dialogue.segments[:1] == read(data[:-9])[0][:1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=120), st.sampled_from([0, 1, 101, 113, 276, 999]))
def test_no_packet_raises(read, as_pcap, data, link):
    found, counts = read(as_pcap([(1, data)], link))
    assert 1 == counts["packets"] == len(found) + counts["not_tcp"]
