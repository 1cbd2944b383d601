from icsguard.conversation.run import MAX_RECENT, Run
from icsguard.core.record import Record, RecordKind, Severity


def a_record(run):
    return Record(run.next_record_id(), RecordKind.LIFECYCLE, 1, Severity.INFO, "x")


def test_numbers_rise_and_ids_name_their_run():
    run = Run("r5f")
    assert (1, 2) == (run.next_transaction(), run.next_transaction())
    assert ("r5f-000001", "r5f-000002") == (run.next_record_id(), run.next_record_id())
    assert ("t1", "t2") == (run.next_ticket_id(), run.next_ticket_id())
    assert 1 == run.next_flow()


def test_a_record_goes_out_and_can_be_found():
    run = Run("r1")
    record = a_record(run)
    run.put(record)
    assert [record] == run.records
    assert record is run.find(record.id)
    assert run.find("r1-999999") is None


def test_memory_of_records_is_bounded():
    run = Run("r1")
    for _ in range(MAX_RECENT + 10):
        run.put(a_record(run))
    assert MAX_RECENT == len(run.recent)
    assert run.find("r1-000001") is None
