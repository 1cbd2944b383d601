import dataclasses

import pytest

from icsguard.cli.sentences import paragraphs
from icsguard.control.replies import Explained
from icsguard.core.record import RecordKind, Severity
from icsguard.core.transaction import Outcome


def told(record, **rest):
    return "\n".join(text for text, _ in paragraphs(Explained(record=record, now=record.at, wall_shift=0, **rest)))


def test_an_explanation_names_who_what_why_forecast_and_what_to_type_next(record):
    text = told(record)
    for expected in (
        "r5f3a-000012", "high", "14 times",
        "Client 10.0.0.66 asked plc1: write holding register 12 (40013) = 9000, unit 1.",
        "9000 rpm is above the maximum of pump_speed [9000 against 80] (policy, pump_speed)",
        "LT101 reaches 4.9 m (limit 4.5) in 38 s, band ±0.2 [score 0.97, threshold 0.8]",
        "reach_s 38", "pump_speed 80% (seen 9000, expected 80 rpm) | LT101 20%",
        "a false alarm would look like: a new engineering station",
        "It was refused. (mode enforce)", "The device never saw the request.",
        "exception 0x03 illegal data value; its connection lives",
        "ATT&CK for ICS T0836", "policy ab12cd34ef56", "latency 0.31 ms",
        "next: icsguard isolate 10.0.0.66 --for 30m -r r5f3a-000012",
        "next: if the limit is wrong: correct it in the point list",
    ):  # fmt: skip
        assert expected in text


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_says_whether_the_device_saw_it(record, outcome):
    text = told(dataclasses.replace(record, outcome=outcome.name.lower()))
    assert "device" in text or "The request was forwarded" in text


def test_a_write_with_an_unknown_outcome_sends_somebody_to_look(record):
    assert "it may have happened. Check the plant." in told(dataclasses.replace(record, outcome="unknown"))


def test_what_would_have_been_is_told_in_observe(record):
    observed = dataclasses.replace(
        record, decision="allow", would_be="refuse", mode="observe", outcome="answered", reply=0
    )
    text = told(observed)
    assert "icsguard let it pass. (mode observe)" in text
    assert "would have been: refuse" in text
    assert "exception" not in text


def test_a_failover_names_the_failure_policy(record):
    text = told(dataclasses.replace(record, kind=RecordKind.FAILOVER, failure_policy="policy_alone"))
    assert "policy alone decided" in text


def test_an_open_ticket_can_be_approved_or_denied(record):
    held = dataclasses.replace(record, decision="hold", ticket="T-19")
    text = told(held, ticket_state="open")
    assert "icsguard approve T-19 -r r5f3a-000012" in text
    assert "icsguard deny T-19" in text
    assert "next: icsguard approve" not in told(held, ticket_state="used")


def test_an_isolated_client_can_be_released(record):
    assert "next: icsguard release 10.0.0.66" in told(record, isolated=True)


def test_a_record_without_a_client_leads_to_the_status(record):
    gap = dataclasses.replace(record, kind=RecordKind.GAP, client="", reasons=(), findings=(), request="")
    assert "next: icsguard status" in told(gap)


def test_a_harmless_record_leads_to_the_clients_others(record):
    mild = dataclasses.replace(record, severity=Severity.INFO, decision="allow")
    assert "icsguard records --client 10.0.0.66" in told(mild)


@pytest.mark.parametrize("request_", ["", "zz", "0001000000", "ff" * 260])
def test_a_request_that_was_not_kept_whole_still_has_an_explanation(record, request_):
    text = told(dataclasses.replace(record, request=request_))
    assert "Client 10.0.0.66" in text


def test_facts_of_a_record_are_shown_by_name(record):
    assert "lost: 7" in told(dataclasses.replace(record, facts={"lost": 7}))


def test_what_the_first_sentence_says_is_not_said_twice(record):
    said = "refused: write holding register 12 (40013) = 9000, unit 1; above its maximum"
    text = told(dataclasses.replace(record, text=said))
    assert 1 == text.count("write holding register 12")
    assert "Client 10.0.0.66." in text


@pytest.mark.parametrize(
    ("point", "target", "expected"),
    [
        ("pump_speed", "holding 12 (40013)", "--point pump_speed"),
        ("", "holding 12..14 (40013), coil 1 (00002)", '--range "holding 12..14"'),
        ("", "", "--function ..."),
    ],
)
def test_what_policy_did_not_permit_can_be_granted_for_an_hour(record, point, target, expected):
    reason = dataclasses.replace(record.reasons[0], limit=None, point=point)
    text = told(dataclasses.replace(record, reasons=(reason,), target=target))
    assert f"icsguard grant add plc1 10.0.0.66 --for 1h {expected} -r r5f3a-000012" in text
