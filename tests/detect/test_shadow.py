import pytest

from icsguard.core.decision import Decision
from icsguard.core.transaction import Outcome, Question
from icsguard.detect.options import ConduitOptions, ShadowOptions
from icsguard.detect.shadow import Shadow
from icsguard.lab import registers as at
from icsguard.lab.operations import NORMAL_S, normal_operation, percent, switch
from icsguard.learn.holds import BUDGET, CERTAINTIES
from icsguard.protocols.modbus import build


def test_a_write_whose_consequence_is_unsafe_is_refused_with_the_numbers(watched):
    watched.run(12)
    opinion = watched.ask(switch(at.PUMP_2, on=False))
    assert opinion.decision is Decision.REFUSE
    finding = opinion.findings[0]
    assert ("unsafe-consequence", "level_2", "T0831") == (finding.code, finding.point, finding.technique)
    assert 0 < finding.facts["reach_s"] <= 12
    assert finding.facts["predicted"] < finding.facts["limit"] < finding.facts["without"]
    assert "makes level_2 reach" in finding.text
    assert finding.harmless_cause


def test_what_the_twin_refuses_would_really_have_gone_wrong(watched):
    watched.run(12)
    finding = watched.ask(switch(at.PUMP_2, on=False)).findings[0]
    watched.cell.ask(switch(at.PUMP_2, on=False))
    watched.cell.run(finding.facts["reach_s"] + 4, script=None)  # nobody comes and undoes it
    assert watched.cell.program.water.level_2_m < finding.facts["limit"]


def test_a_write_that_is_too_fast_for_a_pump_is_refused(watched):
    watched.run(12)
    watched.see([watched.cell.ask(switch(at.AUTO_1, on=False))])
    watched.run(0.5)
    assert watched.ask(percent(at.MANUAL_SPEED_1, 80.0)).decision >= Decision.HOLD


def test_a_quiet_shift_is_neither_held_nor_refused(watched):
    watched.run(5)
    cell, ask = watched.cell, watched.cell.ask
    opinions = []

    def asked(pdu, **options):
        if pdu[0] in {5, 6, 15, 16}:
            opinions.append(watched.ask(pdu))
        done = ask(pdu, **options)
        watched.see([done])
        return done

    cell.ask = asked
    cell.run(30, normal_operation, NORMAL_S)
    assert len(opinions) > 10
    assert max(one.decision for one in opinions) <= Decision.ALERT
    assert "unsafe-consequence" not in watched.codes()


def test_an_emergency_stop_is_never_held_or_refused(watched):
    watched.run(12)
    assert watched.ask(switch(at.EMERGENCY_STOP, on=True)).decision <= Decision.ALERT


def test_a_question_changes_nothing(watched):
    watched.run(12)
    first = watched.ask(switch(at.PUMP_2, on=False))
    assert first == watched.ask(switch(at.PUMP_2, on=False))


def test_a_rehearsal_says_what_an_answer_would_and_is_not_counted(watched):
    watched.run(12)
    now = watched.cell.now
    question = Question(5, "cell", 1, "10.0.0.9", now, build.adu(5, 1, switch(at.PUMP_2, on=False)))
    before = watched.shadow.status(now)
    rehearsed = watched.shadow.rehearse(question, now)
    assert before == watched.shadow.status(now)
    assert watched.shadow.ask(question, now) == rehearsed
    assert Decision.REFUSE is rehearsed.decision


def test_without_a_model_policy_alone_decides(unlearnt):
    unlearnt.run(5)
    assert unlearnt.ask(switch(at.PUMP_2, on=False)).decision is Decision.ALLOW
    assert "nothing learnt" in str(unlearnt.shadow.status(unlearnt.cell.now)["cell.twin"])


def test_a_twin_that_is_not_in_sync_has_no_opinion(watched):
    opinion = watched.ask(switch(at.PUMP_2, on=False))
    assert "unsafe-consequence" not in {one.code for one in opinion.findings}
    assert watched.shadow.status(watched.cell.now)["cell.twin"] == "no sync"


def test_an_image_that_is_too_old_has_no_opinion(watched):
    watched.run(12)
    watched.cell.now += 60 * 10**9
    opinion = watched.ask(switch(at.PUMP_2, on=False))
    assert "unsafe-consequence" not in {one.code for one in opinion.findings}


@pytest.mark.parametrize("pdu", [b"", b"\x06", b"\x5a\x00\x02", b"\x05\x00\x00\x12\x34", build.read(3, 0, 10)])
def test_what_changes_no_point_is_allowed(watched, pdu):
    watched.run(1)
    assert watched.ask(pdu).decision is Decision.ALLOW


def test_a_conduit_that_nobody_declared_is_allowed_and_counted(options):
    from icsguard.core.transaction import Question
    from icsguard.lab.offline import OfflineCell

    shadow = Shadow(options, {}, None)
    stranger = OfflineCell(1, conduit="other")
    shadow.observe([stranger.ask(build.read(3, 0, 1))], 1)
    assert shadow.status(1)["unknown_conduit"] == 1
    assert (
        shadow.ask(Question(1, "other", 1, "", 1, build.adu(1, 1, switch(2, on=False))), 1).decision is Decision.ALLOW
    )


def test_a_model_of_another_point_list_is_not_used(options, site, points):
    from dataclasses import replace

    from icsguard.detect.options import ConduitOptions

    other = replace(options, conduits=(ConduitOptions("cell", (replace(points[0], scale=0.5), *points[1:])),))
    shadow = Shadow(other, {"cell": site}, None)
    assert "point list changed" in str(shadow.status(1)["cell.twin"])


def test_a_client_that_is_refused_again_and_again_is_to_be_isolated_writes_first(watched):
    for _ in range(3):
        watched.see([watched.cell.ask(switch(9, on=True), client="127.0.9.9", outcome=Outcome.REFUSED)])
    (wish,) = watched.isolations
    assert ("127.0.9.9", "cell", "writes", 900) == (wish.client, wish.conduit, wish.scope, wish.seconds)
    assert "refused-often" in watched.codes()


def test_points_show_value_and_expectation(watched):
    watched.run(5)
    level = next(one for one in watched.shadow.points(watched.cell.now) if one.name == "level_2")
    assert abs(level.value - level.predicted) < 0.2
    assert level.quality == "good"
    assert level.where == "unit 1 input 1 (30002)"
    assert watched.shadow.points(watched.cell.now, "nowhere") == []


def test_a_false_sensor_is_implausible(watched):
    watched.run(10)
    assert "implausible" not in watched.codes()
    honest = watched.cell.program.registers.show

    def lying(address, value, scale):
        honest(address, value + (0.6 if address == at.LEVEL_1 else 0.0), scale)

    watched.cell.program.registers = Lying(watched.cell.program.registers, lying)
    watched.run(6)
    assert "implausible" in watched.codes()
    finding = next(one for one in watched.findings if one.code == "implausible")
    assert "level_1" in {one.name for one in finding.contributions}
    assert finding.decision is Decision.ALERT


class Lying:
    """Registers that show something else than was measured."""

    def __init__(self, registers, show):
        self._registers, self.show = registers, show

    def __getattr__(self, name):
        return getattr(self._registers, name)


def test_a_conduit_of_another_protocol_is_not_followed(points):
    options = ShadowOptions((ConduitOptions("ua", points, protocol="dnp3"),))
    shadow = Shadow(options, {}, None)
    opinion = shadow.ask(Question(7, "ua", 1, "10.0.0.1", 0, b"\x01\x00\xa1\x02"), 0)
    assert (7, Decision.ALLOW, ()) == opinion[:3]


def test_the_status_tells_how_many_wrong_holds_are_to_be_expected(watched):
    watched.run(12)
    status = watched.shadow.status(watched.cell.now)
    expected = status["cell.wrong_holds_expected"]
    assert 0 <= expected <= BUDGET
    assert f"wrong holds/week: expected {expected:.2g}" in status["cell.twin"]
    assert CERTAINTIES[0] <= status["cell.hold_certainty"] <= CERTAINTIES[-1]
