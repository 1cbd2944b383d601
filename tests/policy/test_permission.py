from dataclasses import replace

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, RuleState
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.policy.rules import Action, Defaults, Rate, Rule, Service, Window
from icsguard.protocols.modbus import build

READ = (Service(3),)
CLOSED = (Window((6,), 0, 1),)


def test_the_rest_that_no_rule_reaches_is_named(bench, policy_of, holding):
    rule = Rule("low", ("hmi",), (1,), READ, targets=(holding(0, 9),))
    text = bench(policy_of(rules=(rule,))).ask(build.read(3, 5, 10)).reasons[0].text

    assert "no rule lets 10.0.0.21 (hmi) read holding 10..14 (40011) of unit 1 with function 3" == text


def test_a_rule_whose_hours_are_open_goes_before_one_that_is_shut(bench, policy_of, operate):
    shut = replace(operate, id="shut", hours=CLOSED)

    assert "operate" == bench(policy_of(rules=(shut, operate))).ask(build.write_register(12, 1)).rule


def test_a_breach_of_an_observed_rule_passes_and_is_told(bench, policy_of, operate, code_of):
    soft = replace(operate, hours=CLOSED, state=RuleState.OBSERVE)
    verdict = bench(policy_of(rules=(soft,))).ask(build.read(3, 0, 1))

    assert (Decision.ALLOW, Decision.REFUSE, ["outside-hours"]) == (
        verdict.decision,
        verdict.would_be,
        code_of(verdict),
    )


def test_an_alerting_rule_permits_and_tells(bench, policy_of, operate, code_of):
    verdict = bench(policy_of(rules=(replace(operate, action=Action.ALERT),))).ask(build.read(3, 0, 1))

    assert (Decision.ALERT, ["alert-by-rule"], 0) == (verdict.decision, code_of(verdict), verdict.reply)


def test_a_deny_rule_reaches_only_its_places_and_hours(bench, policy_of, operate, holding):
    deny = Rule("no", (), (), READ, targets=(holding(5, 5),), action=Action.DENY)
    night = Rule("night", (), (), READ, action=Action.DENY, hours=CLOSED)
    cell = bench(policy_of(rules=(operate, deny, night)))

    assert [Decision.ALLOW, Decision.REFUSE] == [cell.ask(build.read(3, at, 1)).decision for at in (4, 5)]


def test_a_deny_rule_on_writes_reaches_what_is_written(bench, policy_of, operate):
    deny = Rule("no", (), (), (Service(6),), action=Action.DENY, points=("speed",))

    assert Decision.REFUSE is bench(policy_of(rules=(operate, deny))).ask(build.write_register(12, 1)).decision


def test_a_rate_on_writes_points_to_brute_force(bench, policy_of, operate):
    cell = bench(policy_of(rules=(replace(operate, rate=Rate(1, SECOND), reply=4),)))
    cell.ask(build.write_register(12, 1))
    verdict = cell.ask(build.write_register(12, 1))

    assert ("T0806", 4, "operate") == (verdict.reasons[0].technique, verdict.reply, verdict.reasons[0].rule)


def test_rule_limits_look_only_at_what_the_rule_reaches(bench, policy_of, holding):
    writes = (Service(16),)
    tight = Rule("tight", ("hmi",), (1,), writes, targets=(holding(0, 4),), maximum=5)
    wide = Rule("wide", ("hmi",), (1,), writes, targets=(holding(5, 9),))
    cell = bench(policy_of(rules=(tight, wide)))

    assert Decision.ALLOW is cell.ask(build.write_registers(4, [5, 900])).decision
    assert Decision.REFUSE is cell.ask(build.write_registers(4, [6, 900])).decision


def test_a_rule_with_limits_lets_no_value_through_that_it_cannot_judge(bench, policy_of, holding, code_of):
    point = Point("wide", 1, Table.HOLDING, 0, DataType.U32, atomic=False)
    rule = Rule("r", ("hmi",), (1,), (Service(6),), targets=(holding(0, 1),), maximum=5)

    assert ["value-outside-rule"] == code_of(bench(policy_of(point, rules=(rule,))).ask(build.write_register(1, 1)))


def test_a_rule_with_limits_leaves_faults_of_the_value_to_the_point(bench, policy_of, pair, holding, code_of):
    rule = Rule("r", ("hmi",), (1,), (Service(6),), targets=(holding(20, 21),), minimum=1)

    assert ["partial-write"] == code_of(bench(policy_of(pair, rules=(rule,))).ask(build.write_register(20, 1)))


def test_a_file_record_is_permitted_by_file_and_record(bench, policy_of):
    from icsguard.policy.words import parse_target

    rule = Rule("files", ("hmi",), (1,), (Service(21),), targets=(parse_target("file 4:0..9"),))
    cell = bench(policy_of(rules=(rule,)))

    def write(file, record):
        return cell.ask(build.write_files([build.FilePart(file, record, words=(1,))])).decision

    assert [Decision.ALLOW, Decision.REFUSE, Decision.REFUSE] == [write(4, 9), write(4, 10), write(5, 0)]


def test_the_default_deny_can_alert(bench, policy_of):
    cell = bench(policy_of(defaults=Defaults(RuleState.ALERT)))

    assert Decision.ALERT is cell.ask(build.read(3, 0, 1), unit=9).decision


def test_a_value_that_an_overlap_hides_is_beyond_a_rules_limits(bench, policy_of, holding, code_of):
    coil = Point("c", 1, Table.COIL, 0, DataType.BOOL, overlaps=("reg",))
    register = Point("reg", 1, Table.HOLDING, 0, limits=Limits(maximum=9))
    rule = Rule("r", ("hmi",), (1,), (Service(5),), points=("c", "reg"), maximum=5)

    assert ["value-outside-rule", "overlap"] == code_of(
        bench(policy_of(coil, register, rules=(rule,))).ask(build.write_coil(0, on=True))
    )
