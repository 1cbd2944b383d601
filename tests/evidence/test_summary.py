from itertools import count

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.meaning import Intent
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.transaction import Outcome, Transaction
from icsguard.evidence.record_json import MAX_ENTRIES
from icsguard.evidence.summary import MAX_CLIENTS, MAX_CODES, MAX_CONDUITS, OTHER, Summary


@pytest.fixture
def new_id():
    numbers = count(1)
    return lambda: f"s-{next(numbers)}"


def intent_of(transaction: Transaction) -> Intent:
    return {3: Intent.READ, 6: Intent.WRITE}.get(transaction.request[7], Intent.SESSION)


@pytest.fixture
def summary():
    return Summary(intent_of, since=0)


def test_a_period_is_summed_up_per_conduit(summary, transaction, new_id):
    summary.transactions([transaction(1), transaction(2, function=6), transaction(3, conduit="plc2", function=8)])
    plc1, plc2 = summary.close(60 * SECOND, new_id)
    assert ("s-1", "plc1", RecordKind.SUMMARY, Severity.INFO) == (plc1.id, plc1.conduit, plc1.kind, plc1.severity)
    assert {"period_s": 60.0, "transactions": 2, "reads": 1, "writes": 1, "answered": 2, "clients": 1} == {
        name: value for name, value in plc1.facts.items() if not name.startswith("latency")
    }
    assert 2_000 == pytest.approx(plc1.facts["latency_p99_us"], rel=1 / 16)
    assert 1 == plc2.facts["others"]
    assert "2 transactions in 60 s: 1 reads, 1 writes, 0 refused, 0 held" == plc1.text


@pytest.mark.parametrize(
    ("changes", "counter"),
    [
        ({"outcome": Outcome.REFUSED, "decision": Decision.REFUSE}, "refused"),
        ({"outcome": Outcome.REFUSED, "decision": Decision.HOLD}, "held"),
        ({"outcome": Outcome.ANSWERED, "decision": Decision.ALERT}, "alerted"),
        ({"outcome": Outcome.UNKNOWN}, "outcome_unknown"),
        ({"outcome": Outcome.TIMED_OUT}, "timed_out"),
        ({"outcome": Outcome.UNREACHABLE}, "unreachable"),
        ({"outcome": Outcome.EXCEPTION}, "exceptions"),
        ({"outcome": Outcome.ABANDONED}, "abandoned"),
    ],
)
def test_every_transaction_counts_under_exactly_one_fate(summary, transaction, new_id, changes, counter):
    summary.transactions([transaction(**changes)])
    (record,) = summary.close(SECOND, new_id)
    fates = record.facts.keys() - {"period_s", "transactions", "reads", "clients", "latency_p50_us", "latency_p99_us"}
    assert {counter} == fates


def test_refusals_are_counted_by_their_weightiest_reason_with_their_folded_repeats(summary, full_record, new_id):
    folded = Record(
        "y", RecordKind.VERDICT, 1, Severity.LOW, "", "plc1", decision="refuse", layer="grammar", repeated=4
    )
    summary.records([full_record, folded, folded])
    (record,) = summary.close(SECOND, new_id)
    assert 1 == record.facts["refused.value-above-max"]
    assert 8 == record.facts["refused.grammar"]
    assert 9 == record.facts["records_verdict"]


def test_what_was_lost_is_said_with_its_number(summary, new_id):
    summary.lost(0, 0)
    assert [] == summary.close(SECOND, new_id)
    summary.lost(3, 2)
    (record,) = summary.close(2 * SECOND, new_id)
    assert Severity.MEDIUM == record.severity
    assert "5 events never reached the recorder in 1 s" == record.text
    assert (3, 2) == (record.facts["lost_transactions"], record.facts["lost_records"])


def test_a_new_period_starts_from_nothing(summary, transaction, new_id):
    summary.transactions([transaction()])
    summary.close(SECOND, new_id)
    assert [] == summary.close(2 * SECOND, new_id)


def test_its_own_records_and_those_of_life_are_not_counted(summary, new_id):
    summary.records([Record("a", RecordKind.SUMMARY, 0, Severity.INFO, "")])
    assert [] == summary.close(SECOND, new_id)


def test_memory_is_bounded_by_conduits_reasons_and_clients(summary, transaction, full_record, new_id):
    for number in range(MAX_CONDUITS + 50):
        summary.transactions([transaction(conduit=f"c{number}")])
    for number in range(MAX_CLIENTS + 5):
        summary.transactions([transaction(conduit="c1", client=f"10.0.{number >> 8}.{number & 255}")])
    for number in range(MAX_CODES + 50):
        summary.records(
            [Record("x", RecordKind.VERDICT, 0, Severity.LOW, "", "c2", decision="hold", layer=f"l{number}")]
        )
    records = {record.conduit: record for record in summary.close(SECOND, new_id)}
    assert MAX_CONDUITS + 1 == len(records)
    assert 50 == records[OTHER].facts["transactions"]
    assert MAX_CLIENTS == records["c1"].facts["clients"]
    assert 50 == records["c2"].facts["refused.other"]
    assert len(records["c2"].facts) <= MAX_ENTRIES


def test_what_was_not_answered_has_no_latency_and_what_was_allowed_no_refusal_code(summary, transaction, new_id):
    summary.transactions([transaction(response_at=0, outcome=Outcome.TIMED_OUT)])
    summary.records([Record("a", RecordKind.VERDICT, 0, Severity.LOW, "", "plc1", decision="alert", layer="twin")])
    (record,) = summary.close(SECOND, new_id)
    assert not [name for name in record.facts if name.startswith(("latency", "refused."))]
    assert 1 == record.facts["records_verdict"]
