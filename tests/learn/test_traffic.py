import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from icsguard.core.decision import Decision
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.capture import CaptureError
from icsguard.learn.traffic import choose_device, from_capture, from_journal, learnable
from icsguard.protocols.modbus import build
from icsguard.runtime.journal import Entry, JournalWriter

READ = build.adu(1, 1, build.read(3, 0, 1))
READ_ANSWER = build.adu(1, 1, bytes((3, 2, 0, 7)))
DATA = Path(os.environ.get("ICSGUARD_DATA", Path(__file__).parents[3] / "shared" / "data"))


def transaction(number: int, at: int = 0, **changes) -> Transaction:
    plain = Transaction(number, "x", 1, "10.0.0.21", at or number, at + 1, READ, READ_ANSWER, 0, Outcome.ANSWERED)
    return plain._replace(**changes)


def test_a_capture_becomes_transactions(capture, dialogue):
    dialogue.open().ask(READ).answer(READ_ANSWER).close()
    traffic = from_capture(capture(dialogue.segments), "plc1")
    (one,) = traffic.transactions
    assert ("plc1", "10.0.0.21", READ, READ_ANSWER) == (one.conduit, one.client, one.request, one.response)
    assert (2, 5) == (traffic.counts["adus"], traffic.counts["packets"])
    assert ({("10.1.0.5", 502): 1}, "site.pcap") == (traffic.devices, traffic.source)


def test_one_device_of_several_can_be_chosen(capture, dialogue, new_dialogue):
    dialogue.open().ask(READ).answer(READ_ANSWER)
    other = new_dialogue(device=("10.1.0.6", 502)).open().ask(READ).answer(READ_ANSWER)
    path = capture(dialogue.segments + other.segments)
    assert 2 == len(from_capture(path, "plc1").transactions)
    assert 1 == len(from_capture(path, "plc1", device=("10.1.0.6", 502)).transactions)


def test_which_device_a_conduit_means_must_be_plain():
    one, two = ("10.1.0.5", 502), ("10.1.0.6", 502)
    assert two == choose_device({one: 3, two: 1}, two)
    assert one == choose_device({one: 3}, two)
    with pytest.raises(CaptureError, match=r"10\.1\.0\.5:502 \(3 requests\), 10\.1\.0\.6:502 .* --device"):
        choose_device({one: 3, two: 1}, None)
    with pytest.raises(CaptureError, match="no Modbus request"):
        choose_device({}, one)


def test_a_journal_becomes_transactions_with_sessions_told_apart_over_runs(tmp_path):
    writer = JournalWriter(tmp_path / "plc1.journal", 10**6)
    writer.append(Entry("a", 0, [transaction(1), transaction(2)], [], 3))
    writer.append(Entry("b", 0, [transaction(3)], []))
    traffic = from_journal(tmp_path / "plc1.journal", "plc1")
    assert [("plc1", 1), ("plc1", 1), ("plc1", 2)] == [(one.conduit, one.flow) for one in traffic.transactions]
    assert {"lost": 3, "sessions": 2, "transactions": 3} == traffic.counts


def test_what_a_client_did_while_it_was_isolated_is_left_out(tmp_path):
    def mark(what: str, at: int, until: int = 0) -> Record:
        facts: dict[str, str | int | float] = {"what": what, "until": until}
        return Record("r", RecordKind.ISOLATION, at, Severity.HIGH, "", client="10.0.0.21", facts=facts)

    writer = JournalWriter(tmp_path / "plc1.journal", 10**6)
    marks = [mark("isolated", 10, 100), mark("released", 20), mark("isolated", 40, 50), mark("isolated", 70)]
    times = [5, 10, 19, 20, 39, 45, 50, 69, 70, 10**6]
    asked = [transaction(number, at) for number, at in enumerate(times)]
    writer.append(Entry("a", 0, [*asked, transaction(99, 15, client="10.0.0.22")], marks))
    traffic = from_journal(tmp_path / "plc1.journal", "plc1")
    assert [5, 15, 20, 39, 50, 69] == [one.request_at for one in traffic.transactions]
    assert 5 == traffic.counts["under_isolation"]


def test_what_a_client_did_around_a_grave_finding_about_it_is_left_out(tmp_path):
    def finding(at: int, would_be: str) -> Record:
        return Record("r", RecordKind.FINDING, at, Severity.HIGH, "", client="10.0.0.21", would_be=would_be)

    second = 1_000_000_000
    writer = JournalWriter(tmp_path / "plc1.journal", 10**6)
    asked = [transaction(number, at * second) for number, at in enumerate((10, 41, 100, 159, 161, 300))]
    other = transaction(9, 100 * second, client="10.0.0.22")
    writer.append(Entry("a", 0, [*asked, other], [finding(100 * second, "isolate"), finding(300 * second, "")]))
    traffic = from_journal(tmp_path / "plc1.journal", "plc1")
    assert [10, 100, 161, 300] == [one.request_at // second for one in traffic.transactions]
    assert 3 == traffic.counts["around_incident"]


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({"decision": Decision.REFUSE, "outcome": Outcome.REFUSED}, "stopped_by_icsguard"),
        ({"decision": Decision.HOLD, "outcome": Outcome.REFUSED}, "stopped_by_icsguard"),
        ({"decision": Decision.ALERT}, "alerted"),
        ({"outcome": Outcome.EXCEPTION}, "exceptions"),
        ({"outcome": Outcome.UNKNOWN}, "not_answered"),
        ({"outcome": Outcome.ABANDONED}, "not_answered"),
    ],
)
def test_what_was_stopped_alarmed_or_failed_is_no_example(changes, count):
    counts: Counter[str] = Counter()
    assert [transaction(1)] == list(learnable([transaction(1), transaction(2, **changes)], counts))
    assert {count: 1} == counts


@pytest.mark.skipif(
    not (DATA / "loaders.py").is_file(), reason="the captures of others are not here: set ICSGUARD_DATA"
)
@pytest.mark.parametrize(
    "name",
    [
        "lemay/characterization_modbus_6RTU_with_operate.pcap",
        "lemay/exploit_ms08_netapi_modbus_6RTU_with_operate.pcap",
        "lemay/moving_two_files_modbus_6RTU.pcap",
        "modbus_benign/ModbusTCP.pcap",
        "modbus_benign/modbus_test.pcap",
        "pcap_icsnpp_modbus/modbus_example.pcap",
        "pcap_iti/fuzz-1011.pcap",
        "pcap_iti/fuzz-72.pcap",
        "pcap_iti/modbusSmall.pcap",
        "pcap_iti/modbus_test_data_part1.pcap",
        "pcap_iti/modbus_test_data_part2.pcap",
        "pcap_zeek/4SICS-GeekLounge-151022-min.pcap",
        "pcap_zeek/modbus-and-non-modbus-p502.pcap",
        "pcap_zeek/modbus-eit.pcap",
    ],
)
def test_real_captures_hold_as_many_frames_as_an_independent_reader_finds(name, monkeypatch):
    monkeypatch.syspath_prepend(str(DATA))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import loaders

    assert len(list(loaders.modbus_rows(DATA / name))) == from_capture(DATA / name, "x").counts["adus"]
