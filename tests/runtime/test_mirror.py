import asyncio

import pytest

from icsguard.control import links
from icsguard.conversation.run import Run
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.runtime import mirror
from icsguard.runtime.mirror import Outlet


class FakeLink:
    def __init__(self):
        self.is_up, self.sent = True, []

    def send(self, message):
        if self.is_up:
            self.sent.append(message)
        return self.is_up


def record(number):
    return Record(f"r-{number}", RecordKind.VERDICT, number, Severity.LOW, "x")


ROW = (1, "plc1", 1, "10.0.0.1", 0, 0, b"", b"", 0, 0)


@pytest.fixture
async def outlet():
    made = Outlet(Run("r"), asyncio.get_running_loop())
    made.shadow.link, made.recorder.link = FakeLink(), FakeLink()
    return made


async def test_the_shadow_gets_traffic_and_the_recorder_gets_all(outlet):
    outlet._run.mirror.append(ROW)
    outlet._run.records.append(record(1))
    outlet.flush()
    assert [links.Batch([ROW], [], 0, 0)] == outlet.shadow.link.sent
    assert [links.Batch([ROW], [record(1)], 0, 0)] == outlet.recorder.link.sent
    assert ([], []) == (outlet._run.mirror, outlet._run.records)


async def test_a_batch_goes_out_by_itself_soon(outlet, wait_until):
    outlet._run.mirror.append(ROW)
    outlet.note()
    assert [] == outlet.shadow.link.sent
    await wait_until(lambda: outlet.shadow.link.sent, 1)


async def test_a_full_batch_goes_out_at_once(outlet):
    outlet.note()
    outlet._run.mirror.extend([ROW] * links.MAX_BATCH)
    outlet.note()
    assert 1 == len(outlet.shadow.link.sent)


async def test_nothing_to_say_is_not_said(outlet):
    outlet.flush()
    assert ([], []) == (outlet.shadow.link.sent, outlet.recorder.link.sent)


async def test_traffic_for_an_absent_peer_is_counted_and_told_when_it_is_back(outlet):
    outlet.shadow.link.is_up = False
    outlet._run.mirror.extend([ROW] * 3)
    outlet.flush()
    assert 3 == outlet.shadow.lost_total
    outlet.shadow.link.is_up = True
    outlet._run.mirror.append(ROW)
    outlet.flush()
    outlet._run.mirror.append(ROW)
    outlet.flush()
    assert [3, 0] == [batch.lost_transactions for batch in outlet.shadow.link.sent]


async def test_records_wait_for_the_recorder_in_order(outlet, wait_until):
    outlet.recorder.link.is_up = False
    for number in range(3 * mirror.MAX_AT_ONCE // 2):
        outlet._run.records.append(record(number))
        outlet.flush()
    outlet.recorder.link.is_up = True
    outlet.flush()
    await wait_until(lambda: not outlet._held, 1)
    arrived = [one.at for batch in outlet.recorder.link.sent for one in batch.records]
    assert list(range(3 * mirror.MAX_AT_ONCE // 2)) == arrived
    assert 0 == outlet.recorder.lost_total


async def test_beyond_the_bound_the_newest_are_dropped_and_counted(outlet, monkeypatch):
    monkeypatch.setattr(mirror, "MAX_HELD_RECORDS", 10)
    outlet.recorder.link.is_up = False
    outlet._run.records.extend(record(number) for number in range(25))
    outlet.flush()
    outlet.recorder.link.is_up = True
    outlet.flush()
    (batch,) = outlet.recorder.link.sent
    assert list(range(10)) == [one.at for one in batch.records]
    assert 15 == batch.lost_records
