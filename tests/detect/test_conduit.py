from icsguard.detect.conduit import MAX_FINDINGS, MAX_ROWS, ConduitWatch
from icsguard.lab import registers as at
from icsguard.lab.offline import OfflineCell
from icsguard.protocols.modbus import build


def _watch(options, site=None):
    return ConduitWatch(options.conduits[0], options, site, None)


def test_scores_wait_and_the_oldest_are_shed(options, site):
    watch = _watch(options, site)
    for one in OfflineCell(3).run(60, None):
        watch.observe(one)
    assert len(watch._rows) == MAX_ROWS
    assert watch.shed_rows > 0
    assert watch.score(0, most=10) >= 10


def test_a_setpoint_changed_behind_the_gateway_is_told(options, site):
    watch, cell = _watch(options, site), OfflineCell(3)
    for one in cell.run(2, None):
        watch.observe(one)
    cell.program.registers.holding[at.SETPOINT_1] = 2222
    for one in cell.run(1, None):
        watch.observe(one)
    (told,) = [one for one in watch.findings if one.code == "changed-without-write"]
    assert told.point == "setpoint_1"
    assert "no write went through the gateway" in told.text


def test_a_write_that_the_device_ignores_is_told(options, site):
    watch, cell = _watch(options, site), OfflineCell(3)
    for one in cell.run(2, None):
        watch.observe(one)
    watch.observe(cell.ask(build.write_register(at.SETPOINT_1, 2100)))
    cell.program.registers.holding[at.SETPOINT_1] = 2000
    for one in cell.run(1, None):
        watch.observe(one)
    assert "write-not-effective" in {one.code for one in watch.findings}


def test_a_replayed_recording_of_answers_is_told(options, site):
    watch, cell = _watch(options, site), OfflineCell(3)
    recorded = cell.run(10, None)
    for one in recorded:
        watch.observe(one)
    shift = cell.now - recorded[0].request_at
    for one in recorded:
        watch.observe(one._replace(request_at=one.request_at + shift, response_at=one.response_at + shift))
    (told,) = [one for one in watch.findings if one.code == "exact-repeat"]
    assert told.technique == "T0856"


def test_findings_are_bounded(options):
    watch = _watch(options)
    for number in range(3 * MAX_FINDINGS):
        watch._find(number)
    assert len(watch.findings) == MAX_FINDINGS
    assert watch.shed_findings == 2 * MAX_FINDINGS


def test_the_summary_says_how_far_the_twin_may_be_believed(options, site):
    watch, cell = _watch(options, site), OfflineCell(3)
    assert watch.summary(cell.now) == "no sync"
    for one in cell.run(3, None):
        watch.observe(one)
    assert "trusted" in watch.summary(cell.now)
    assert "false alarms/day" in watch.summary(cell.now)
    assert "nothing learnt" in _watch(options).summary(cell.now)
