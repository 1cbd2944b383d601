"""The judge of nodes as a whole: one verdict an item, and who is heard at all."""

import math

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, RuleState
from icsguard.core.meaning import Intent, Meaning
from icsguard.policy.nodes.bounds import Usage
from icsguard.policy.nodes.identity import Identity
from icsguard.policy.nodes.rules import Argument, IdentityGroup
from icsguard.policy.rules import Defaults, Grant
from icsguard.policy.terms import Action, Rate, Window
from icsguard.protocols.opcua.headers import RequestHeader
from icsguard.protocols.opcua.messages_subscription import PublishRequest
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import BY_NAME, build_request, parse_request
from icsguard.protocols.opcua.status import STATUS

ALLOW, ALERT, HOLD, REFUSE = Decision.ALLOW, Decision.ALERT, Decision.HOLD, Decision.REFUSE


def bare(name: str, intent: Intent = Intent.SUBSCRIBE) -> Meaning:
    return Meaning(intent, BY_NAME[name].number, -1, 0, (), ())


def test_one_forbidden_node_among_fifty_is_refused_alone_and_in_its_place(ua):
    bench = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=P*",)))
    names = [f"P{at}" for at in range(50)]
    names[17] = "Denied"
    judged = bench.ask(ua.write(*((name, 1.0) for name in names)))
    assert [17] == [at for at, item in enumerate(judged.items) if item.decision is REFUSE]
    assert STATUS["BadUserAccessDenied"] == judged.items[17].reply
    assert (ALLOW, 50) == (judged.service.decision, len(judged.items))


def test_a_value_out_of_range_is_refused_alone(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Ranged", minimum=0, maximum=100), ua.point("P1")])
    judged = bench.ask(ua.write(("P1", 500.0), ("Ranged", 500.0), ("Ranged", 100.0)))
    assert [ALLOW, REFUSE, ALLOW] == [item.decision for item in judged.items]
    assert STATUS["BadOutOfRange"] == judged.items[1].reply
    assert "value-above-max" == judged.items[1].reasons[0].code


def test_without_nodes_a_rule_reads_everything_and_writes_declared_points(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed")])
    assert ALLOW is bench.ask(ua.read("Anything")).decision
    assert [ALLOW, REFUSE] == [item.decision for item in bench.ask(ua.write(("Speed", 1.0), ("Other", 1.0))).items]


def test_a_client_in_no_group_is_refused_with_every_item(ua):
    judged = ua.bench(ua.rule()).ask(ua.read("A", "B"), ua.STRANGER)
    assert (REFUSE, 2) == (judged.service.decision, len(judged.items))
    assert STATUS["BadServiceUnsupported"] == judged.service.reply
    assert all(item == judged.service for item in judged.items)


@pytest.mark.parametrize("name", ["QueryFirst", "RegisterServer", "SessionlessInvoke"])
def test_services_that_are_not_looked_into_never_pass(ua, name):
    bench = ua.bench(ua.rule(services=tuple(law.number for law in BY_NAME.values())))
    judged = bench.ask(bare(name, Intent.UNKNOWN))
    assert (REFUSE, ["service-unknown"]) == (judged.decision, ua.codes(judged))


def test_a_number_that_is_no_service_never_passes(ua):
    judged = ua.bench(ua.rule(services=(9999,))).ask(Meaning(Intent.UNKNOWN, 9999, -1, 0, (), ()))
    assert STATUS["BadServiceUnsupported"] == judged.service.reply


@pytest.mark.parametrize(
    "name", ["AddNodes", "DeleteNodes", "HistoryUpdate", "SetTriggering", "TransferSubscriptions", "Cancel"]
)
def test_dangerous_services_pass_only_by_name(ua, name):
    assert REFUSE is ua.bench(ua.rule()).ask(bare(name)).decision
    assert ALLOW is ua.bench(ua.rule(services=(BY_NAME[name].number,))).ask(bare(name)).decision


def test_nobody_needs_a_rule_to_introduce_himself(ua):
    assert ALLOW is ua.bench().ask(bare("CreateSession"), ua.STRANGER).decision


def test_services_without_nodes_are_permitted_by_their_rule(ua):
    judged = ua.bench(ua.rule()).ask(bare("Publish"))
    assert (ALLOW, "operate", ()) == (judged.decision, judged.rule, judged.items)


def test_an_unresolved_alias_is_never_written(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed")])
    judged = bench.ask(ua.write((NodeId(9999, "i", 1), 1.0)))
    assert ["node-unresolved"] == ua.codes(judged)
    assert ALLOW is bench.ask(ua.read(NodeId(9999, "i", 1))).decision


def test_where_a_deny_rule_names_nodes_an_unresolved_one_is_not_read_either(ua):
    deny = ua.rule("no", action=Action.DENY, nodes=(f"{ua.PLANT}s=Secret",))
    bench = ua.bench(ua.rule(), deny)
    assert [ALLOW, REFUSE, REFUSE] == [
        item.decision for item in bench.ask(ua.read("Open", "Secret", NodeId(9999, "i", 1))).items
    ]


def test_a_deny_rule_without_nodes_denies_the_service(ua):
    deny = ua.rule("no", action=Action.DENY, services=(BY_NAME["Write"].number,))
    judged = ua.bench(ua.rule(), deny, points=[ua.point("Speed")]).ask(ua.write(("Speed", 1.0)))
    assert (REFUSE, ["denied-by-rule"]) == (judged.service.decision, ua.codes(judged))


@pytest.mark.parametrize("attribute", [0, 1, 3, 14, 17, 2**32 - 1])
def test_only_the_value_of_a_node_is_written(ua, attribute):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed")])
    assert ["attribute-not-permitted"] == ua.codes(bench.ask(ua.write(("Speed", 1.0), attribute=attribute)))


def test_a_rule_may_name_other_attributes(ua):
    bench = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=Speed",), attributes=(5,)))
    assert ALLOW is bench.ask(ua.write(("Speed", 1.0), attribute=5)).decision
    assert REFUSE is bench.ask(ua.write(("Speed", 1.0))).decision


def test_a_part_of_an_array_is_not_written(ua):
    bench = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=Curve",)))
    judged = bench.ask(ua.write(("Curve", (1.0, 2.0)), index_range="0:1"))
    assert (["partial-write"], STATUS["BadWriteNotSupported"]) == (ua.codes(judged), judged.items[0].reply)
    open_bench = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=Curve",), index_range=True))
    assert ALLOW is open_bench.ask(ua.write(("Curve", (1.0, 2.0)), index_range="0:1")).decision


def test_status_and_time_are_not_written(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed")])
    judged = bench.ask(ua.write(("Speed", 1.0), status=0x40000000))
    assert (["value-stamped"], STATUS["BadWriteNotSupported"]) == (ua.codes(judged), judged.items[0].reply)


def test_a_status_that_is_written_out_as_good_says_nothing(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed")])
    assert ALLOW is bench.ask(ua.write(("Speed", 1.0), status=0)).decision
    assert ["value-stamped"] == ua.codes(bench.ask(ua.write(("Speed", 1.0), status=0, source_time=1)))


def test_methods_are_called_only_by_name_and_on_their_object(ua):
    rule = ua.rule(methods=(f"{ua.PLANT}s=Start",), objects=(f"{ua.PLANT}s=Pump",))
    bench = ua.bench(rule)
    assert ALLOW is bench.ask(ua.call("Start")).decision
    assert ["method-not-permitted"] == ua.codes(bench.ask(ua.call("Danger")))
    assert ["method-not-permitted"] == ua.codes(bench.ask(ua.call("Start", on="Other")))


def test_no_open_rule_lets_a_method_be_called(ua):
    assert ["method-not-permitted"] == ua.codes(ua.bench(ua.rule(), points=[ua.point("Start")]).ask(ua.call("Start")))


def test_arguments_of_a_method_are_limited(ua):
    rule = ua.rule(methods=(f"{ua.PLANT}s=Set",), arguments=(Argument(0, 0.0, 10.0, (), "Double"),))
    bench = ua.bench(rule)
    assert ALLOW is bench.ask(ua.call("Set", 10.0, 99.0)).decision
    assert ["argument-outside"] == ua.codes(bench.ask(ua.call("Set", 10.5)))
    assert ["argument-outside"] == ua.codes(bench.ask(ua.call("Set", math.nan)))
    assert ["argument-missing"] == ua.codes(bench.ask(ua.call("Set")))
    assert ["type-mismatch"] == ua.codes(bench.ask(ua.call("Set", 1, kind=6)))


def test_a_held_write_waits_for_a_human_and_the_rest_is_seen(ua):
    hold = ua.rule("ask", action=Action.HOLD, nodes=(f"{ua.PLANT}s=Valve",))
    judged = ua.bench(hold, ua.rule("rest", nodes=(f"{ua.PLANT}s=Speed",))).ask(
        ua.write(("Valve", 1.0), ("Speed", 1.0))
    )
    assert (HOLD, [HOLD, ALLOW]) == (judged.decision, [item.decision for item in judged.items])
    assert STATUS["BadServerTooBusy"] == judged.items[0].reply


def test_an_alert_passes_and_is_told(ua):
    judged = ua.bench(ua.rule(action=Action.ALERT), points=[ua.point("Speed")]).ask(ua.write(("Speed", 1.0)))
    assert (ALERT, ["alert-by-rule"], 0) == (judged.decision, ua.codes(judged), judged.items[0].reply)


def test_a_rate_refuses_the_request_as_a_whole_and_fills_again(ua):
    bench = ua.bench(ua.rule(rate=Rate(2, SECOND)), points=[ua.point("Speed")])
    asked = ua.write(("Speed", 1.0), ("Speed", 1.0))
    assert [ALLOW, ALLOW, REFUSE] == [bench.ask(asked).decision for _ in range(3)]
    judged = bench.ask(asked)
    assert (STATUS["BadServerTooBusy"], 2, 0) == (judged.service.reply, len(judged.items), judged.cacheable_until)
    bench.now += SECOND
    assert ALLOW is bench.ask(asked).decision
    assert ALLOW is bench.ask(asked, count=False).decision


def test_outside_its_hours_a_rule_permits_nothing_and_a_verdict_lasts_to_the_next_edge(ua):
    bench = ua.bench(ua.rule(hours=(Window((0, 1, 2, 3, 4, 5, 6), 0, 60),)))
    day = 86_400 * SECOND
    bench.now = ua.START // day * day + day
    inside = bench.ask(ua.read("A"))
    assert (ALLOW, bench.now + 3_600 * SECOND) == (inside.decision, inside.cacheable_until)
    bench.now += 3_600 * SECOND
    assert ["outside-hours"] == ua.codes(bench.ask(ua.read("A")))
    assert REFUSE is bench.ask(bare("Publish")).decision


def test_an_observing_rule_passes_and_says_what_would_be(ua):
    bench = ua.bench(ua.rule(state=RuleState.OBSERVE), points=[ua.point("Speed", maximum=10)])
    judged = bench.ask(ua.write(("Speed", 11.0)))
    assert (ALLOW, REFUSE) == (judged.decision, judged.would_be)


def test_an_observing_default_deny_lets_strangers_pass(ua):
    bench = ua.bench(ua.rule(), defaults=Defaults(RuleState.OBSERVE))
    judged = bench.ask(ua.read("A"), ua.STRANGER)
    assert (ALLOW, REFUSE) == (judged.decision, judged.would_be)
    assert ALLOW is bench.judge.admits(ua.STRANGER, bench.memory, bench.now).decision


def test_a_grant_outranks_a_deny_rule_but_no_limit_and_ends(ua):
    deny = ua.rule("no", action=Action.DENY, services=(BY_NAME["Write"].number,))
    grant = Grant("fix", "10.0.0.21", ua.START + SECOND, "repair", points=("Speed",), max_uses=2)
    bench = ua.bench(ua.rule(), deny, points=[ua.point("Speed", maximum=10)], grants=(grant,))
    judged = bench.ask(ua.write(("Speed", 10.0)))
    assert (ALLOW, "grant fix", 0) == (judged.decision, judged.rule, judged.cacheable_until)
    assert ["value-above-max"] == ua.codes(bench.ask(ua.write(("Speed", 11.0))))
    assert REFUSE is bench.ask(ua.write(("Speed", 10.0))).decision  # both uses are gone
    late = ua.bench(ua.rule(), deny, points=[ua.point("Speed")], grants=(grant,))
    late.now += SECOND
    assert REFUSE is late.ask(ua.write(("Speed", 1.0))).decision


def test_a_safety_point_is_never_held_by_the_moment(ua):
    points = [ua.point("Stop", kind="safety", max_step=1, min_interval_ns=SECOND, maximum=1)]
    bench = ua.bench(ua.rule(action=Action.HOLD, rate=Rate(1, SECOND)), points=points)
    judged = [bench.ask(ua.write(("Stop", 1.0))) for _ in range(3)][-1]
    assert ALERT is judged.decision
    assert {"rate-exceeded", "held-by-rule", "value-unknown"} <= set(ua.codes(judged))
    assert REFUSE is bench.ask(ua.write(("Stop", 2.0))).decision
    assert bench.judge.is_safety(ua.write(("Stop", 1.0)))
    assert not bench.judge.is_safety(ua.write(("Stop", 1.0), ("Other", 1.0)))
    assert not bench.judge.is_safety(ua.write(("Stop", 1.0), attribute=3))


def test_the_servers_own_description_is_open_to_whoever_may_read(ua):
    bench = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=Speed",)))
    status, diagnostics, kind = NodeId(0, "i", 2259), NodeId(0, "i", 2274), NodeId(0, "i", 58)
    assert [ALLOW, REFUSE] == [item.decision for item in bench.ask(ua.read(status, diagnostics)).items]
    assert ALLOW is bench.ask(ua.read(kind, attribute=3)).decision
    assert REFUSE is bench.ask(ua.read(status), ua.STRANGER).decision


def test_a_secret_point_is_known_as_such(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Pin", kind="secret")])
    assert bench.judge.is_secret(ua.read("Pin"))
    assert not bench.judge.is_secret(ua.read("Other"))


def test_steps_are_judged_over_writes_and_answers(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed", max_step=5)])
    assert ["value-unknown"] == ua.codes(bench.ask(ua.write(("Speed", 50.0))))
    bench.holds("Speed", 50.0)
    assert ALLOW is bench.send(ua.write(("Speed", 55.0))).decision
    assert ALLOW is bench.send(ua.write(("Speed", 60.0))).decision
    assert ["step-too-large"] == ua.codes(bench.ask(ua.write(("Speed", 66.0))))


def test_two_steps_in_one_request_are_judged_one_after_the_other(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed", max_step=5)])
    bench.holds("Speed", 50.0)
    judged = bench.ask(ua.write(("Speed", 45.0), ("Speed", 55.0)))
    assert [ALLOW, REFUSE] == [item.decision for item in judged.items]


def test_after_an_unknown_outcome_no_step_can_be_judged(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed", max_step=5)])
    bench.holds("Speed", 50.0)
    asked = ua.write(("Speed", 51.0))
    bench.judge.delivered(asked, bench.memory, bench.now)
    bench.judge.unknown(asked, bench.memory)
    assert ["value-unknown"] == ua.codes(bench.ask(asked))


def test_a_write_that_the_server_refused_changes_nothing(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed", max_step=5)])
    bench.holds("Speed", 50.0)
    asked = ua.write(("Speed", 55.0))
    bench.judge.delivered(asked, bench.memory, bench.now)
    assert REFUSE is bench.ask(ua.write(("Speed", 49.0))).decision  # 55 may be there already
    bench.judge.rejected(asked, bench.memory)
    assert ALLOW is bench.ask(ua.write(("Speed", 49.0))).decision


def test_who_is_admitted(ua):
    rules = (ua.rule(clients=("operators",)),)
    group = IdentityGroup("operators", clients=("hmi",), users=("anna",), mode=2)
    bench = ua.bench(*rules, identities=(group,))

    def reply(identity: Identity) -> list[str]:
        return ua.codes(bench.judge.admits(identity, bench.memory, bench.now))

    assert [] == reply(ua.HMI)
    assert ["identity-unknown"] == reply(ua.HMI._replace(user="eve"))
    assert ["identity-unknown"] == reply(ua.STRANGER)
    assert ["anonymous", "identity-unknown"] == reply(ua.HMI._replace(user=""))
    assert ["security-mode", "password-unsecured", "identity-unknown"] == reply(ua.HMI._replace(policy="", mode=1))
    assert "operators" in bench.judge.who(ua.HMI)
    assert "hmi" == bench.judge.client("10.0.0.21")


def test_a_reloaded_policy_keeps_what_is_known(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed", max_step=5)])
    bench.holds("Speed", 50.0)
    bench.judge = type(bench.judge)(ua.policy(ua.rule(), points=[ua.point("Speed", max_step=2)]))
    bench.memory = bench.judge.memory(bench.memory)
    assert ["step-too-large"] == ua.codes(bench.ask(ua.write(("Speed", 53.0))))
    assert ALLOW is bench.ask(ua.write(("Speed", 52.0))).decision


def test_the_service_alone_tells_what_no_node_can_change(ua):
    bench = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=Speed",)))
    write, add = BY_NAME["Write"].number, BY_NAME["AddNodes"].number
    assert ALLOW is bench.judge.service(ua.HMI, write, bench.memory, bench.now).decision
    assert REFUSE is bench.judge.service(ua.HMI, add, bench.memory, bench.now).decision
    assert ALLOW is bench.judge.service(ua.STRANGER, BY_NAME["GetEndpoints"].number, bench.memory, 0).decision


def test_history_is_not_written_past_the_limits_of_a_point(ua):
    number = BY_NAME["HistoryUpdate"].number
    bench = ua.bench(ua.rule(services=(number,)), points=[ua.point("Speed", maximum=5)])
    told = ua.write(("Speed", 1.0))._replace(function=number, node_changes=())
    assert ["value-hidden"] == ua.codes(bench.ask(told))


def test_a_judge_without_rules_says_so_and_has_limits_all_the_same(ua):
    empty, full = ua.bench(), ua.bench(ua.rule())
    assert (False, True) == (empty.judge.has_rules, full.judge.has_rules)
    weak = ua.HMI._replace(policy="", mode=1)
    assert [REFUSE, ALLOW] == [empty.judge.channel(one).decision for one in (weak, ua.HMI)]
    crowd = parse_request(build_request(RequestHeader(), PublishRequest(None)))
    assert "too-many-publishes" == empty.judge.over(crowd, Usage(publishes=99)).code


def test_a_request_of_several_nodes_may_be_partly_quick(ua):
    bench = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=A",)))
    assert [ALLOW, REFUSE, ALLOW] == [item.decision for item in bench.ask(ua.read("A", "B", "A")).items]


def test_a_rule_that_is_off_is_not_there(ua):
    assert REFUSE is ua.bench(ua.rule(state=RuleState.OFF)).ask(ua.read("A")).decision


def test_only_denials_of_a_bare_service_leave_it_unpermitted(ua):
    grant = Grant("g", "10.0.0.21", ua.START + SECOND, "why", points=("Speed",))
    bench = ua.bench(points=[ua.point("Speed")], grants=(grant,))
    assert ["service-not-permitted"] == ua.codes(bench.ask(bare("Publish")))


def test_whoever_browses_may_browse_the_standards_own_nodes(ua):
    bench = ua.bench(ua.rule(nodes=(f"{ua.PLANT}s=A",)))
    browse = ua.read(NodeId(0, "i", 85))._replace(function=BY_NAME["Browse"].number, intent=Intent.BROWSE)
    nodes = tuple(one._replace(intent=Intent.BROWSE, attribute=0) for one in browse.nodes)
    assert ALLOW is bench.ask(browse._replace(nodes=nodes)).decision


def test_what_was_delivered_of_other_attributes_is_no_value(ua):
    bench = ua.bench(ua.rule(), points=[ua.point("Speed", max_step=5)])
    bench.holds("Speed", 50.0)
    bench.judge.delivered(ua.write(("Speed", 99.0), attribute=5), bench.memory, bench.now)
    bench.judge.delivered(ua.call("Speed", 99.0), bench.memory, bench.now)
    assert [50.0] == bench.memory.present("Speed", 60 * SECOND, bench.now)
