from icsguard.core.record import RecordKind, Severity
from icsguard.evidence.own import OwnRecords


def test_ids_of_one_run_never_repeat():
    own = OwnRecords("w1f")
    made = [own.gap(1, "a", {}).id, own.alarm(2, "b", {}).id, own.note(3, "c", {}).id, own.new_id()]
    assert ["w1f-000001", "w1f-000002", "w1f-000003", "w1f-000004"] == made


def test_a_gap_is_a_matter_of_high_severity_with_its_numbers():
    gap = OwnRecords("w").gap(7, "12 records were lost", {"lost_records": 12})
    assert (RecordKind.GAP, Severity.HIGH, 7, {"lost_records": 12}) == (gap.kind, gap.severity, gap.at, gap.facts)


def test_an_alarm_weighs_more_than_a_note():
    own = OwnRecords("w")
    assert (Severity.HIGH, Severity.INFO) == (own.alarm(1, "", {}).severity, own.note(1, "", {}).severity)
