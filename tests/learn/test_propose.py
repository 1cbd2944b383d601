import pytest

from icsguard.core.decision import Decision
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Point
from icsguard.core.transaction import Outcome
from icsguard.learn.propose import MAX_RUNS, LearnOptions, propose
from icsguard.learn.traffic import Traffic
from icsguard.policy.rules import ClientGroup, Policy
from icsguard.protocols.modbus import build

HMI = "10.0.0.21"
EAGER = LearnOptions(min_reads=1, min_writes=1, min_occasions=1)


def habit(pdu: bytes, *values: int, times: int = 3, every: int = 600, client: str = HMI) -> list:
    return [(1_000_000 + place * every, client, pdu, *values) for place in range(times)]


def test_reads_that_a_client_keeps_making_are_proposed_with_their_runs(traffic):
    proposal = propose(traffic(*habit(build.read(3, 0, 2), 1, 2), *habit(build.read(4, 9, 1), 3)), "plc1")
    (rule,) = proposal.rules
    assert ("client-10-0-0-21", (1,), ("3", "4")) == (rule.client, rule.units, rule.functions)
    assert ("input 9", "holding 0..1") == rule.ranges
    assert "function 3 (" in rule.evidence[0]
    assert "3 times on 3 occasions, 1970-01-12 13:46:40Z to 1970-01-12 14:06:40Z" in rule.evidence[0]
    assert [ClientGroup("client-10-0-0-21", (HMI,))] == list(proposal.groups)


def test_a_write_that_is_a_habit_is_proposed_as_a_point_with_its_values(traffic):
    asked = [(at, HMI, build.write_register(12, value)) for at, value in ((0, 5), (700, 80), (1400, 40))]
    proposal = propose(traffic(*asked), "plc1", options=LearnOptions(margin=0.0))
    (rule,) = proposal.rules
    assert (("u1_holding_12",), ("6",), "6/min") == (rule.points, rule.functions, rule.rate)
    assert rule.evidence[0].endswith("values 5 to 80")
    (point,) = [one.point for one in proposal.points]
    assert (5, 80) == (point.limits.minimum, point.limits.maximum)


@pytest.mark.parametrize(
    ("times", "every", "why"),
    [(2, 600, "seen 2 times, 3 are needed"), (50, 10, "seen on 1 occasions, 3 are needed")],
)
def test_a_write_that_is_rare_goes_to_review_and_says_why(traffic, times, every, why):
    write, options = build.write_register(12, 5), LearnOptions(occasion_s=600)
    proposal = propose(traffic(*[(1_000_200 + n * every, HMI, write) for n in range(times)]), "plc1", options=options)
    assert () == proposal.rules
    (item,) = proposal.review
    assert (why, ("u1_holding_12",)) == (item.why, item.rule.points)


def test_one_rare_register_does_not_hide_behind_a_frequent_one(traffic):
    frequent, rare = build.write_register(12, 5), build.write_register(13, 5)
    proposal = propose(traffic(*habit(frequent), (1_000_000, HMI, rare)), "plc1")
    assert [("u1_holding_12",)] == [rule.points for rule in proposal.rules]
    assert [("u1_holding_13",)] == [item.rule.points for item in proposal.review]


def test_half_of_a_long_value_that_is_rare_keeps_the_whole_in_review(traffic):
    policy = Policy(points=(Point("flow", 1, Table.HOLDING, 12, DataType.F32),))
    proposal = propose(
        traffic(*habit(build.write_register(12, 5)), (0, HMI, build.write_register(13, 5))), "plc1", policy
    )
    assert () == proposal.rules
    assert [("flow",)] == [item.rule.points for item in proposal.review]


def test_a_client_seen_hardly_at_all_goes_to_review(traffic):
    proposal = propose(traffic(*habit(build.read(3, 0, 1), 1, times=2)), "plc1")
    assert () == proposal.rules
    assert "seen 2 times, 3 are needed" == proposal.review[0].why


def test_scattered_reads_look_like_a_scan(traffic):
    scan = [(n, HMI, build.read(3, 2 * n, 1), 0) for n in range(MAX_RUNS + 1)]
    (item,) = propose(traffic(*scan), "plc1").review
    assert "65 scattered runs of addresses: this looks like a scan" == item.why
    assert MAX_RUNS == len(item.rule.ranges)


@pytest.mark.parametrize("pdu", [build.diagnostic(1), build.private(90, b"\0\x10"), build.encapsulated(13, b"\0")])
def test_what_programs_or_restarts_is_never_proposed_however_often_it_was_seen(traffic, pdu):
    asked = [
        one._replace(outcome=Outcome.ANSWERED)
        for one in traffic(*[(n * 600, HMI, build.read(3, 0, 1), 0) for n in range(9)]).transactions
    ]
    asked = [one._replace(request=build.adu(1, 1, pdu), response=b"") for one in asked]
    proposal = propose(Traffic(tuple(asked), {}), "plc1", options=EAGER)
    assert () == proposal.rules
    assert ["maintenance: give a grant with an end"] == [item.hint for item in proposal.review]


def test_queries_without_addresses_have_a_rule_of_their_own(traffic):
    asked = [
        one._replace(request=build.adu(1, 1, build.identification()), response=b"")
        for one in traffic(*habit(build.read(3, 0, 1), 0)).transactions
    ]
    (rule,) = propose(Traffic(tuple(asked), {}), "plc1").rules
    assert ("query-10-0-0-21-u1", ("43/14",), ()) == (rule.id, rule.functions, rule.ranges)


def test_function_23_is_proposed_only_where_it_reads_what_it_writes(traffic):
    wide, same = build.read_write(0, 2, 10, (5,)), build.read_write(10, 1, 10, (5,))
    proposal = propose(traffic(*habit(wide, 1, 2)), "plc1")
    assert () == proposal.rules
    assert "permits it to write there" in proposal.review[0].why
    (rule,) = propose(traffic(*habit(same, 5)), "plc1").rules
    assert (("23",), (), ("u1_holding_10",)) == (rule.functions, rule.ranges, rule.points)


def test_what_was_refused_failed_or_ran_in_a_span_to_forget_is_not_learned(traffic):
    asked = list(traffic(*habit(build.read(3, 0, 1), 1, times=4)).transactions)
    asked[0] = asked[0]._replace(decision=Decision.REFUSE, outcome=Outcome.REFUSED)
    asked[1] = asked[1]._replace(outcome=Outcome.EXCEPTION)
    span = (asked[2].request_at, asked[2].request_at + 1)
    proposal = propose(Traffic(tuple(asked), {}), "plc1", options=LearnOptions(min_reads=1, without=(span,)))
    assert 1 == proposal.requests
    assert {"exceptions": 1, "left_out": 1, "stopped_by_icsguard": 1} == proposal.counts


def test_clients_and_points_that_have_names_keep_them(traffic):
    policy = Policy(groups=(ClientGroup("hmi", ("10.0.0.0/24",)),), points=(Point("pump", 1, Table.HOLDING, 12),))
    proposal = propose(traffic(*habit(build.write_register(12, 5))), "plc1", policy)
    (rule,) = proposal.rules
    assert ("hmi", ("pump",)) == (rule.client, rule.points)


def test_the_same_traffic_gives_the_same_proposal_in_any_order_of_arrival(traffic):
    asked = [
        *habit(build.write_register(12, 5)),
        *habit(build.read(3, 0, 1), 1, client="2001:db8::1"),
        *habit(build.read(1, 0, 1), 1, client="10.0.0.3"),
    ]
    one, other = traffic(*sorted(asked)), traffic(*sorted(asked))
    assert propose(one, "plc1") == propose(other, "plc1")
    assert ["10.0.0.3", HMI, "2001:db8::1"] == [
        group.networks[0]
        for group in sorted(propose(one, "plc1").groups, key=lambda g: (":" in g.networks[0], g.name.endswith("21")))
    ]


def test_traffic_without_any_example_proposes_nothing(traffic):
    proposal = propose(traffic(), "plc1")
    assert ((), (), (), 0) == (proposal.rules, proposal.review, proposal.points, proposal.requests)


@pytest.mark.parametrize(("length", "occasion"), [(0, 5), (75, 5), (3_600, 180), (86_400, 600)])
def test_an_occasion_is_a_share_of_the_recording_within_bounds(traffic, length, occasion):
    proposal = propose(traffic(*[(at, HMI, build.read(3, 0, 1), 1) for at in (0, length)]), "plc1")
    assert occasion == proposal.occasion_s


def test_the_rate_of_a_short_recording_is_that_of_a_whole_minute(traffic):
    asked = [(at, HMI, build.write_register(12, 5)) for at in range(0, 30, 2)]
    (rule,) = propose(traffic(*asked), "plc1").rules
    assert "66/min" == rule.rate


def test_a_block_that_was_written_once_is_one_entry_of_the_review_list(traffic):
    block, other = build.write_registers(20, tuple(range(90))), build.write_registers(200, (1, 2))
    proposal = propose(traffic((0, HMI, block), (60, HMI, other), (700, HMI, other)), "plc1")
    assert [90, 2] == [len(item.rule.points) for item in proposal.review]
    assert ["write-10-0-0-21-u1-fc16-review1", "write-10-0-0-21-u1-fc16-review2"] == [
        item.rule.id for item in proposal.review
    ]
