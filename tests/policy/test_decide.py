import struct
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import pytest

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, RuleState
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point, PointKind
from icsguard.policy.rules import Action, Defaults, Grant, OnUnknown, Policy, Rate, Rule, Service, Target, Window
from icsguard.policy.windows import FOREVER
from icsguard.protocols.modbus import build

HMI = "10.0.0.21"
STRANGER = "10.9.9.9"


def forbidden_encodings(value):
    """Every way in which Modbus can put `value` into holding register 12."""
    return {
        "06": build.write_register(12, value),
        "16 alone": build.write_registers(12, [value]),
        "16 first": build.write_registers(12, [value, 1]),
        "16 middle": build.write_registers(11, [1, value, 1]),
        "16 last": build.write_registers(11, [1, value]),
        "23 alone": build.read_write(0, 1, 12, [value]),
        "23 inside": build.read_write(0, 1, 11, [1, value, 1]),
        "22 without memory": build.mask_write(12, 0, value),
    }


@pytest.fixture
def wide(policy_of, speed):
    neighbours = [Point(f"n{address}", 1, Table.HOLDING, address) for address in (11, 13)]
    return policy_of(speed, *neighbours)


def test_an_empty_policy_permits_nothing(bench):
    empty = bench(Policy())

    assert Decision.REFUSE is empty.ask(build.read(3, 0, 1)).decision


def test_a_read_of_the_operator_is_allowed_for_ever(plant):
    verdict = plant.ask(build.read(3, 0, 125))

    assert (Decision.ALLOW, FOREVER, "operate") == (verdict.decision, verdict.cacheable_until, verdict.rule)


def test_an_unknown_client_is_refused_with_illegal_function(plant, code_of):
    verdict = plant.ask(build.read(3, 0, 1), client=STRANGER)

    assert (["client-unknown"], 1, "T0848") == (code_of(verdict), verdict.reply, verdict.reasons[0].technique)


def test_an_undeclared_unit_is_refused_with_illegal_address(plant, code_of):
    verdict = plant.ask(build.read(3, 0, 1), unit=2)

    assert (["unit-undeclared"], 2) == (code_of(verdict), verdict.reply)


def test_a_write_outside_the_declared_points_is_refused(plant, code_of):
    verdict = plant.ask(build.write_register(100, 1))

    assert (["address-not-permitted"], 2) == (code_of(verdict), verdict.reply)
    assert "holding 100 (40101)" in verdict.reasons[0].text


@pytest.mark.parametrize("encoding", forbidden_encodings(81))
def test_a_forbidden_value_is_refused_in_every_encoding(bench, wide, encoding, code_of):
    verdict = bench(wide).ask(forbidden_encodings(81)[encoding])

    assert (Decision.REFUSE, 3, ["value-above-max"]) == (verdict.decision, verdict.reply, code_of(verdict))
    assert (81, 80) == (verdict.reasons[0].value, verdict.reasons[0].limit)


@pytest.mark.parametrize("encoding", forbidden_encodings(80))
def test_the_limit_itself_passes_in_every_encoding(bench, wide, encoding):
    assert Decision.ALLOW is bench(wide).ask(forbidden_encodings(80)[encoding]).decision


def test_a_mask_write_that_sets_high_bits_of_an_unknown_register_is_refused(plant, code_of):
    assert ["value-above-max"] == code_of(plant.ask(build.mask_write(12, 0xFF7F, 0x80)))


def test_a_mask_write_on_a_known_register_is_judged_by_its_exact_result(plant):
    plant.holds(12, 0x0010)

    assert Decision.ALLOW is plant.ask(build.mask_write(12, 0xFFF0, 0x000F)).decision
    assert Decision.ALLOW is plant.ask(build.mask_write(12, 0xFFFF ^ 0x40, 0x40)).decision
    assert Decision.REFUSE is plant.ask(build.mask_write(12, 0xFFFF ^ 0x41, 0x41)).decision


def test_half_of_a_float_cannot_be_written(bench, policy_of, pair, code_of):
    cell = bench(policy_of(pair))
    high, low = struct.unpack(">HH", struct.pack(">f", 4.5))

    assert ["partial-write"] == code_of(cell.ask(build.write_register(20, high)))
    assert ["partial-write"] == code_of(cell.ask(build.write_registers(21, [low])))
    assert Decision.ALLOW is cell.ask(build.write_registers(20, [high, low])).decision


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_float_that_is_no_number_is_refused(bench, policy_of, pair, number, code_of):
    words = struct.unpack(">HH", struct.pack(">f", number))

    assert ["not-a-number"] == code_of(bench(policy_of(pair)).ask(build.write_registers(20, words)))


def test_another_unit_of_a_device_that_ignores_units_is_the_same_device(bench, policy_of):
    cell = bench(policy_of(), quirks=frozenset({"unit_ignored"}))

    assert Decision.ALLOW is cell.ask(build.read(3, 0, 1), unit=77).decision
    assert Decision.REFUSE is cell.ask(build.write_register(12, 81), unit=77).decision


def test_units_0_and_255_of_a_tcp_device_are_alike(bench, policy_of, speed, operate):
    own = bench(policy_of(replace(speed, unit_id=255), rules=(replace(operate, units=(255,)),)))

    assert Decision.ALLOW is own.ask(build.write_register(12, 80), unit=0).decision
    assert Decision.REFUSE is own.ask(build.write_register(12, 81), unit=0).decision


def test_a_broadcast_needs_a_rule_that_names_it_and_keeps_the_limits_of_all_units(bench, policy_of, operate, holding):
    quiet = bench(policy_of(rules=(replace(operate, units=()),)), serial=True)
    rule = replace(operate, units=(0, 1), targets=(holding(12, 12),))
    loud = bench(policy_of(rules=(rule,)), serial=True)

    assert Decision.REFUSE is quiet.ask(build.write_register(12, 5), unit=0).decision
    assert Decision.ALLOW is loud.ask(build.write_register(12, 5), unit=0).decision
    assert Decision.REFUSE is loud.ask(build.write_register(12, 81), unit=0).decision


def test_a_coil_that_is_a_bit_of_a_limited_register_keeps_the_registers_limit(bench, policy_of, with_limits):
    coil = Point("fast", 1, Table.COIL, 5, DataType.BOOL, overlaps=("speed.7",))
    cell = bench(policy_of(with_limits(maximum=80), coil))
    cell.holds(12, 1)

    assert Decision.REFUSE is cell.ask(build.write_coil(5, on=True)).decision
    assert Decision.ALLOW is cell.ask(build.write_coil(5, on=False)).decision


def test_two_coils_of_one_request_are_judged_as_the_register_they_make(bench, policy_of, with_limits):
    coils = [Point(f"b{bit}", 1, Table.COIL, bit, DataType.BOOL, overlaps=(f"speed.{bit}",)) for bit in (0, 1)]
    cell = bench(policy_of(with_limits(maximum=2), *coils))
    cell.holds(12, 0)

    assert Decision.ALLOW is cell.ask(build.write_coils(0, [0, 1])).decision
    assert Decision.REFUSE is cell.ask(build.write_coils(0, [1, 1])).decision


def test_a_register_write_keeps_the_limit_of_the_coil_that_is_its_bit(bench, policy_of, speed):
    coil = Point("trip", 1, Table.COIL, 5, DataType.BOOL, limits=Limits(allowed=(1.0,)), overlaps=("word.3",))
    cell = bench(policy_of(Point("word", 1, Table.HOLDING, 30), coil))

    assert Decision.REFUSE is cell.ask(build.write_register(30, 0)).decision
    assert Decision.ALLOW is cell.ask(build.write_register(30, 8)).decision
    assert Decision.ALLOW is cell.ask(build.mask_write(30, 0xFFFE, 1)).decision


def test_an_overlap_without_a_bit_is_refused_where_limits_hold(bench, policy_of, with_limits, code_of):
    coil = Point("fast", 1, Table.COIL, 5, DataType.BOOL, overlaps=("speed",))

    assert ["overlap"] == code_of(bench(policy_of(with_limits(maximum=80), coil)).ask(build.write_coil(5, on=True)))


def test_a_step_beyond_the_largest_is_refused_and_an_unknown_start_too(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(max_step=5)))

    assert ["value-unknown"] == code_of(cell.ask(build.write_register(12, 3)))
    cell.holds(12, 10)
    assert Decision.ALLOW is cell.ask(build.write_register(12, 15)).decision
    assert ["step-too-large"] == code_of(cell.ask(build.write_register(12, 16)))


def test_a_value_older_than_its_age_is_unknown(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(max_step=5)))
    cell.holds(12, 10)
    cell.now += 61 * SECOND

    assert ["value-unknown"] == code_of(cell.ask(build.write_register(12, 10)))


def test_points_that_nobody_reads_may_be_judged_by_their_limits_alone(bench, policy_of, with_limits):
    defaults = Defaults(on_unknown=OnUnknown.LIMITS_ONLY)
    cell = bench(policy_of(with_limits(max_step=5, maximum=80), defaults=defaults))

    assert Decision.ALLOW is cell.ask(build.write_register(12, 70)).decision
    assert Decision.REFUSE is cell.ask(build.write_register(12, 81)).decision


def test_a_slow_ramp_of_legal_steps_is_stopped_by_the_rate(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(max_step=5, max_rate=0.5)))
    cell.holds(12, 0)
    fates = []
    for value in range(5, 45, 5):
        fates.append(cell.write(build.write_register(12, value)).decision)
        if fates[-1] is Decision.ALLOW:
            cell.holds(12, value)
        cell.now += SECOND

    assert [Decision.ALLOW] * 6 + [Decision.REFUSE] * 2 == fates


def test_writes_too_close_together_are_refused(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(min_interval_ns=10 * SECOND)))

    assert Decision.ALLOW is cell.write(build.write_register(12, 1)).decision
    cell.now += 9 * SECOND
    assert ["interval"] == code_of(cell.write(build.write_register(12, 2)))
    cell.now += SECOND
    assert Decision.ALLOW is cell.write(build.write_register(12, 2)).decision


def test_a_write_on_its_way_leaves_two_values_to_step_from(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(max_step=5)))
    cell.holds(12, 10)
    cell.write(build.write_register(12, 15))

    assert ["step-too-large"] == code_of(cell.ask(build.write_register(12, 20)))
    cell.holds(12, 15)
    assert Decision.ALLOW is cell.ask(build.write_register(12, 20)).decision


def test_only_writable_bits_may_change(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(writable_mask=0x0003)))
    cell.holds(12, 0x0100)

    assert Decision.ALLOW is cell.ask(build.write_register(12, 0x0102)).decision
    assert ["bit-not-writable"] == code_of(cell.ask(build.write_register(12, 0x0002)))
    assert ["bit-not-writable"] == code_of(cell.ask(build.mask_write(12, 0xFFFB, 0)))
    assert Decision.ALLOW is cell.ask(build.mask_write(12, 0xFFFC, 3)).decision


def test_two_rules_together_cover_a_read(bench, policy_of, holding, code_of):
    reads = (Service(3),)
    low = Rule("low", ("hmi",), (1,), reads, targets=(holding(0, 9),))
    high = Rule("high", ("hmi",), (1,), reads, targets=(holding(10, 19),))
    cell = bench(policy_of(rules=(low, high)))

    assert "low, high" == cell.ask(build.read(3, 5, 10)).rule
    assert ["address-not-permitted"] == code_of(cell.ask(build.read(3, 5, 16)))


@pytest.mark.parametrize(
    ("state", "decision"),
    [(RuleState.OBSERVE, Decision.ALLOW), (RuleState.ALERT, Decision.ALERT), (RuleState.ENFORCE, Decision.REFUSE)],
)
def test_a_rules_state_softens_the_limits_it_lets_through_but_not_what_would_be(
    bench, policy_of, operate, state, decision
):
    verdict = bench(policy_of(rules=(replace(operate, state=state),))).ask(build.write_register(12, 81))

    assert (decision, Decision.REFUSE) == (verdict.decision, verdict.would_be)


def test_a_rule_that_is_off_permits_nothing(bench, policy_of, operate):
    off = bench(policy_of(rules=(replace(operate, state=RuleState.OFF),)))

    assert Decision.REFUSE is off.ask(build.read(3, 0, 1)).decision


def test_the_default_deny_can_be_observed_first(bench, policy_of):
    verdict = bench(policy_of(defaults=Defaults(RuleState.OBSERVE))).ask(build.read(3, 0, 1), client=STRANGER)

    assert (Decision.ALLOW, Decision.REFUSE, 0) == (verdict.decision, verdict.would_be, verdict.reply)


def test_a_rate_is_counted_per_client_and_never_cached(bench, policy_of, operate, code_of):
    cell = bench(policy_of(rules=(replace(operate, rate=Rate(2, SECOND)),)))
    fates = [cell.ask(build.read(3, 0, 1)) for _ in range(3)]

    assert [0, 0, 6] == [verdict.reply for verdict in fates]
    assert {0} == {verdict.cacheable_until for verdict in fates}
    assert ["rate-exceeded"] == code_of(fates[2])
    cell.now += SECOND // 2
    assert Decision.ALLOW is cell.ask(build.read(3, 0, 1)).decision


def test_judging_again_counts_no_rate(bench, policy_of, operate):
    cell = bench(policy_of(rules=(replace(operate, rate=Rate(1, SECOND)),)))

    assert {Decision.ALLOW} == {cell.ask(build.read(3, 0, 1), count=False).decision for _ in range(5)}


def test_a_time_window_shuts_and_bounds_the_cache(bench, policy_of, operate, code_of):
    shift = replace(operate, hours=(Window((0, 1, 2, 3, 4), 360, 1080),))
    cell = bench(policy_of(rules=(shift,)))
    monday_noon = 1_794_830_400 * SECOND
    cell.now = monday_noon
    verdict = cell.ask(build.read(3, 0, 1))

    assert (Decision.ALLOW, monday_noon + 6 * 3600 * SECOND) == (verdict.decision, verdict.cacheable_until)
    cell.now = verdict.cacheable_until
    assert ["outside-hours"] == code_of(cell.ask(build.read(3, 0, 1)))


def test_hours_follow_the_wall_clock_and_the_cache_the_steady_one(bench, policy_of, operate):
    cell = bench(policy_of(rules=(replace(operate, hours=(Window((0,), 360, 1080),)),)))
    cell.now = 1_794_830_400 * SECOND - 100 * SECOND
    cell.memory.wall_shift = 100 * SECOND

    assert cell.now + 6 * 3600 * SECOND == cell.ask(build.read(3, 0, 1)).cacheable_until


def test_a_hold_rule_asks_a_human_and_answers_busy(bench, policy_of, operate, code_of):
    verdict = bench(policy_of(rules=(replace(operate, action=Action.HOLD),))).ask(build.write_register(12, 5))

    assert (Decision.HOLD, 6, ["held-by-rule"]) == (verdict.decision, verdict.reply, code_of(verdict))


def test_a_deny_rule_wins_over_a_permit(bench, policy_of, operate, code_of):
    deny = Rule("no-21", (), (), (Service(3),), action=Action.DENY, text="never", technique="T0861", reply=4)
    verdict = bench(policy_of(rules=(operate, deny))).ask(build.read(3, 0, 1))

    assert (["denied-by-rule"], 4, "never") == (code_of(verdict), verdict.reply, verdict.reasons[0].text)


def test_a_rules_own_limits_are_in_engineering_units_on_points_and_raw_elsewhere(bench, policy_of, holding, code_of):
    speed = Point("speed", 1, Table.HOLDING, 12, scale=0.1)
    rule = Rule("tune", ("hmi",), (1,), (Service(6), Service(22)), targets=(holding(12, 13),), minimum=1, maximum=50)
    cell = bench(policy_of(speed, rules=(rule,)))

    assert Decision.ALLOW is cell.ask(build.write_register(12, 500)).decision
    assert ["value-outside-rule"] == code_of(cell.ask(build.write_register(12, 501)))
    assert ["value-outside-rule"] == code_of(cell.ask(build.write_register(13, 51)))
    assert ["value-outside-rule"] == code_of(cell.ask(build.mask_write(13, 0xFF00, 7)))


def test_the_worst_state_of_the_rules_used_counts_for_values(bench, policy_of, operate, holding):
    soft = replace(operate, id="soft", state=RuleState.OBSERVE, targets=(holding(11, 11),))
    cell = bench(policy_of(rules=(soft, operate)))

    assert Decision.REFUSE is cell.ask(build.write_registers(11, [1, 81])).decision


@pytest.fixture
def granted(bench, policy_of, plant):
    def make(**others):
        grant = Grant("g1", "10.7.7.7", plant.now + 60 * SECOND, "works", (Service(6), Service(8, 1)), (1,), **others)
        return bench(policy_of(grants=(grant,)))

    return make


def test_a_grant_lets_a_stranger_in_until_it_ends(granted, holding):
    cell = granted(targets=(holding(12, 12),))
    ask = lambda: cell.ask(build.write_register(12, 80), client="10.7.7.7").decision  # noqa: E731 - one line, asked twice

    assert Decision.ALLOW is ask()
    cell.now += 60 * SECOND
    assert Decision.REFUSE is ask()


def test_a_grant_outranks_a_deny_rule_but_not_the_limits_of_a_point(granted, policy_of, bench, holding, operate):
    cell = granted(targets=(holding(12, 12),))
    deny = Rule("never", (), (), (Service(6), Service(8, 1)), action=Action.DENY)
    cell = bench(replace(cell.policy, rules=(operate, deny)))

    assert Decision.ALLOW is cell.ask(build.diagnostic(1), client="10.7.7.7").decision
    assert Decision.REFUSE is cell.ask(build.diagnostic(4), client="10.7.7.7").decision
    assert Decision.REFUSE is cell.ask(build.write_register(12, 81), client="10.7.7.7").decision


def test_a_grant_ends_after_its_uses(granted, holding):
    cell = granted(targets=(holding(12, 12),), max_uses=2)
    fates = [cell.ask(build.write_register(12, 80), client="10.7.7.7").decision for _ in range(3)]

    assert [Decision.ALLOW, Decision.ALLOW, Decision.REFUSE] == fates


@pytest.fixture
def trip(speed):
    limits = Limits(allowed=(1.0,), min_interval_ns=10 * SECOND)
    return Point("trip", 1, Table.COIL, 3, DataType.BOOL, limits=limits, kind=PointKind.SAFETY)


def test_a_permitted_write_to_a_safety_point_is_never_stopped_by_the_moment(bench, policy_of, trip, operate, code_of):
    busy = replace(operate, rate=Rate(1, SECOND), hours=(Window((6,), 0, 1),))
    cell = bench(policy_of(trip, rules=(busy,)))
    fates = [cell.write(build.write_coil(3, on=True)) for _ in range(3)]

    assert [Decision.ALERT] * 3 == [verdict.decision for verdict in fates]
    assert {"outside-hours", "interval"} == set(code_of(fates[2]))


def test_who_and_which_value_still_rule_on_a_safety_point(bench, policy_of, trip):
    cell = bench(policy_of(trip))

    assert Decision.REFUSE is cell.ask(build.write_coil(3, on=True), client=STRANGER).decision
    assert Decision.REFUSE is cell.ask(build.write_coil(3, on=False)).decision


def test_only_a_write_of_nothing_but_safety_points_is_safety(bench, policy_of, trip, speed):
    cell = bench(policy_of(trip, speed))

    assert cell.judge.is_safety(cell.meaning(build.write_coil(3, on=True)))
    assert not cell.judge.is_safety(cell.meaning(build.write_coils(3, [1, 1])))
    assert not cell.judge.is_safety(cell.meaning(build.read(1, 3, 1)))
    assert not cell.judge.is_safety(cell.meaning(build.write_register(12, 1)))


@pytest.mark.parametrize("sub", [1, 4, 10])
def test_diagnostics_that_change_the_device_are_in_no_operators_preset(plant, sub):
    assert 1 == plant.ask(build.diagnostic(sub)).reply


def test_harmless_diagnostics_and_identification_pass(plant):
    assert Decision.ALLOW is plant.ask(build.diagnostic(0)).decision
    assert Decision.ALLOW is plant.ask(build.identification()).decision


def test_a_private_function_passes_only_by_number(bench, policy_of, plant, code_of):
    named = Rule("umas", ("hmi",), (1,), (Service(90),))
    verdict = plant.ask(build.private(90, b"\x00\x41"))

    assert (["function-not-permitted"], "T0843") == (code_of(verdict), verdict.reasons[0].technique)
    assert Decision.ALLOW is bench(policy_of(rules=(named,))).ask(build.private(90, b"\x00\x41")).decision


def test_a_new_policy_keeps_the_memory_of_what_it_still_knows(bench, policy_of, with_limits):
    old = bench(policy_of(with_limits(max_step=5)))
    old.holds(12, 10)
    new = bench(policy_of(with_limits(max_step=6)))
    new.memory = new.judge.memory(old.memory)

    assert Decision.ALLOW is new.ask(build.write_register(12, 16)).decision


def test_a_device_that_ors_masks_its_own_way_is_judged_both_ways(bench, policy_of, speed):
    request = build.mask_write(12, 0xFFFF, 0x0040)
    strict = bench(policy_of())
    odd = bench(policy_of(), quirks=frozenset({"mask_or_variant"}))
    for cell in (strict, odd):
        cell.holds(12, 0x20)

    assert Decision.ALLOW is strict.ask(request).decision
    assert Decision.REFUSE is odd.ask(request).decision


def test_groups_of_a_client_are_named_for_records(plant):
    assert ("hmi", "") == (plant.judge.client(HMI), plant.judge.client(STRANGER))


def test_a_mask_write_on_its_way_is_foretold_where_the_register_is_known(bench, policy_of, with_limits):
    cell = bench(policy_of(with_limits(max_step=5)))
    cell.holds(12, 0b1000)
    cell.write(build.mask_write(12, 0xFFFE, 1))
    law = cell.judge._points.all[0][1]

    assert [(0b1000,), (0b1001,)] == cell.memory.words(1, law, cell.now)


def test_a_mask_write_on_an_unknown_register_leaves_it_unknown(bench, policy_of, with_limits):
    cell = bench(policy_of(with_limits(maximum=0xFFFF)))
    cell.holds(12, 1)
    cell.now += 61 * SECOND
    cell.write(build.mask_write(12, 0xFFFE, 1))
    cell.judge.delivered(cell.meaning(build.mask_write(12, 0xFFFD, 2)), cell.memory, cell.now)

    assert set() == cell.memory.known()


def test_a_part_of_a_loose_value_on_its_way_is_remembered(bench, policy_of):
    point = Point("wide", 1, Table.HOLDING, 12, DataType.U32, atomic=False, limits=Limits(max_step=10))
    cell = bench(policy_of(point))
    cell.holds(12, 0, 5)
    cell.write(build.write_register(13, 9))
    law = cell.judge._points.all[0][1]

    assert [(0, 5), (0, 9)] == cell.memory.words(1, law, cell.now)
    assert 4 == cell.memory.history("wide").moved(cell.now)


def test_a_verdict_names_a_few_of_many_rules(bench, policy_of, holding):
    rules = tuple(Rule(f"r{at}", ("hmi",), (1,), (Service(3),), targets=(holding(at, at),)) for at in range(6))

    assert "r0, r1, r2, r3 and 2 more" == bench(policy_of(rules=rules)).ask(build.read(3, 0, 6)).rule


def test_the_end_of_a_grant_bounds_the_cache(bench, policy_of, plant):
    grant = Grant("g1", "hmi", plant.now + 60 * SECOND, "works", (Service(3),), (1,))
    verdict = bench(policy_of(rules=(), grants=(grant,))).ask(build.read(3, 0, 1))

    assert (Decision.ALLOW, plant.now + 60 * SECOND) == (verdict.decision, verdict.cacheable_until)


def test_a_grant_passes_only_where_it_reaches_everything(granted, holding):
    assert (
        Decision.REFUSE
        is granted(targets=(holding(0, 1),)).ask(build.write_register(12, 80), client="10.7.7.7").decision
    )


@pytest.mark.parametrize("shift", [-3600 * SECOND, 0, 3600 * SECOND])
def test_no_step_of_the_wall_clock_prolongs_a_grant(granted, holding, shift):
    cell = granted(targets=(holding(12, 12),))
    cell.memory.wall_shift = shift
    cell.now += 60 * SECOND

    assert Decision.REFUSE is cell.ask(build.write_register(12, 80), client="10.7.7.7").decision


def test_a_wall_clock_that_runs_ahead_ends_a_grant_and_bounds_the_cache(bench, policy_of, plant):
    grant = Grant("g1", "hmi", plant.now + 60 * SECOND, "works", (Service(3),), (1,))
    cell = bench(policy_of(rules=(), grants=(grant,)))
    cell.memory.wall_shift = 20 * SECOND

    assert plant.now + 40 * SECOND == cell.ask(build.read(3, 0, 1)).cacheable_until
    cell.now += 40 * SECOND
    assert Decision.REFUSE is cell.ask(build.read(3, 0, 1)).decision


SPACED = Rule(
    "spaced",
    ("hmi",),
    (1,),
    (Service(6), Service(16), Service(22)),
    targets=(Target(Table.HOLDING, AddressRange(5, 90)),),
)
OTHERS = {
    "nothing more": (),
    "part": (replace(SPACED, id="part", targets=(Target(Table.HOLDING, AddressRange(0, 40)),)),),
    "rest": (replace(SPACED, id="rest", targets=(Target(Table.HOLDING, AddressRange(41, 120)),)),),
    "deny": (replace(SPACED, id="deny", action=Action.DENY, targets=(Target(Table.HOLDING, AddressRange(30, 35)),)),),
    "alert": (replace(SPACED, id="alert", action=Action.ALERT),),
    "limit": (replace(SPACED, id="limit", maximum=100),),
    "rate": (replace(SPACED, id="rate", rate=Rate(1000, SECOND)),),
    "observed": (replace(SPACED, id="observed", state=RuleState.OBSERVE),),
}
WRITES = [
    *(build.write_register(address, 500) for address in (4, 5, 12, 30, 90, 91)),
    *(build.write_registers(address, [500] * 10) for address in (0, 3, 11, 13, 31, 36, 81, 85)),
    build.mask_write(12, 0, 1),
    build.mask_write(60, 0, 1),
]


@pytest.mark.parametrize("more", OTHERS)
@pytest.mark.parametrize("first", [False, True])
def test_a_write_beside_all_points_has_the_verdict_of_the_long_way(bench, policy_of, speed, more, first):
    rules = (SPACED, *OTHERS[more]) if first else (*OTHERS[more], SPACED)
    short, long = bench(policy_of(speed, rules=rules)), bench(policy_of(speed, rules=rules))
    long.judge._cells = SimpleNamespace(cell=partial(without_short_ways, long.judge._cells.cell))

    expected = [long.ask(pdu) for pdu in WRITES]
    assert expected == [short.ask(pdu) for pdu in WRITES]
    assert Decision.REFUSE > min(verdict.decision for verdict in expected)


def without_short_ways(cell, *key):
    found = cell(*key)
    found.quick, found.quick_writes = [], []
    return found


def test_only_a_write_that_touches_a_point_has_others_judged_again(bench, policy_of, speed):
    plant = bench(policy_of(speed, rules=(SPACED,)))
    before = plant.memory.version

    assert Decision.ALLOW is plant.write(build.write_register(60, 1)).decision
    assert before == plant.memory.version
    assert Decision.ALLOW is plant.write(build.write_register(12, 1)).decision
    assert before < plant.memory.version
