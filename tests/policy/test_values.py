import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point
from icsguard.policy.codes import CODES
from icsguard.policy.rules import Defaults, OnUnknown
from icsguard.protocols.modbus import build

words = st.integers(0, 0xFFFF)


def test_a_refusal_names_point_place_value_limit_and_unit(bench, policy_of):
    point = Point("pump", 1, Table.HOLDING, 12, scale=0.1, unit="rpm", limits=Limits(maximum=80))
    reason = bench(policy_of(point)).ask(build.write_register(12, 9000)).reasons[0]

    assert "pump (unit 1 holding 12 (40013)) would be 900 rpm, above its maximum 80 rpm" == reason.text
    assert ("pump", 900.0, 80.0, "T0836") == (reason.point, reason.value, reason.limit, reason.technique)


def test_a_negative_scale_still_calls_the_maximum_by_its_name(bench, policy_of, code_of):
    point = Point("down", 1, Table.HOLDING, 12, DataType.I16, scale=-1, limits=Limits(minimum=-5, maximum=5))
    cell = bench(policy_of(point))

    assert ["value-above-max"] == code_of(cell.ask(build.write_register(12, 0xFFF0)))
    assert ["value-below-min"] == code_of(cell.ask(build.write_register(12, 6)))


def test_an_unsettled_mask_write_says_what_could_become(plant):
    assert "could become 65535 rpm" in plant.ask(build.mask_write(12, 0xFF7F, 0x80)).reasons[0].text


def test_values_off_the_list_are_refused(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(allowed=(0.0, 4.0))))

    assert Decision.ALLOW is cell.ask(build.write_register(12, 4)).decision
    verdict = cell.ask(build.write_register(12, 3))
    assert ["value-not-allowed"] == code_of(verdict)
    assert "0 rpm, 4 rpm" in verdict.reasons[0].text


def test_bits_of_an_unknown_register_are_not_judged_by_limits_alone(bench, policy_of, with_limits, code_of):
    strict = bench(policy_of(with_limits(writable_mask=1)))
    loose = bench(policy_of(with_limits(writable_mask=1), defaults=Defaults(on_unknown=OnUnknown.LIMITS_ONLY)))

    assert ["value-unknown"] == code_of(strict.ask(build.write_register(12, 1)))
    assert [] == code_of(loose.ask(build.write_register(12, 1)))


def test_a_part_of_a_limited_value_that_is_not_known_is_refused_even_by_limits_alone(bench, policy_of, code_of):
    point = Point("wide", 1, Table.HOLDING, 12, DataType.U32, atomic=False, limits=Limits(maximum=70_000))
    loose = bench(policy_of(point, defaults=Defaults(on_unknown=OnUnknown.LIMITS_ONLY)))

    assert ["value-unknown"] == code_of(loose.ask(build.write_register(13, 1)))
    loose.holds(12, 0, 5)
    assert [] == code_of(loose.ask(build.write_register(13, 1)))
    assert ["value-above-max"] == code_of(loose.ask(build.write_register(12, 2)))


def test_a_part_of_an_unlimited_value_passes(bench, policy_of):
    point = Point("wide", 1, Table.HOLDING, 12, DataType.U32, atomic=False)

    assert Decision.ALLOW is bench(policy_of(point)).ask(build.write_register(13, 1)).decision


def test_a_mask_write_on_a_ramp_needs_the_present_value(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(max_step=5)))

    assert ["value-unknown"] == code_of(cell.ask(build.mask_write(12, 0xFFFE, 1)))
    cell.holds(12, 10)
    assert [] == code_of(cell.ask(build.mask_write(12, 0xFFFE, 1)))


def test_ups_and_downs_are_added(bench, policy_of, with_limits, code_of):
    cell = bench(policy_of(with_limits(max_rate=1)))
    cell.holds(12, 0)
    for value in (30, 0):
        assert Decision.ALLOW is cell.write(build.write_register(12, value)).decision
        cell.holds(12, value)
        cell.now += SECOND

    assert ["rate-of-change"] == code_of(cell.write(build.write_register(12, 1)))


@pytest.fixture(scope="module")
def requests():
    """Any legal way to write holding registers 10 to 13."""
    values = st.lists(words, min_size=1, max_size=3)
    return st.one_of(
        st.builds(build.write_register, st.integers(10, 13), words),
        st.builds(build.write_registers, st.integers(9, 12), values),
        st.builds(lambda into, new: build.read_write(0, 1, into, new), st.integers(9, 12), values),
        st.builds(build.mask_write, st.integers(10, 13), words, words),
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # the fixtures are factories without state
@given(data=st.data(), kind=st.sampled_from([DataType.U16, DataType.I16, DataType.U32, DataType.I32, DataType.F32]))
def test_nothing_that_is_allowed_leaves_the_limits(data, kind, bench, policy_of, requests):
    limits = Limits(
        minimum=data.draw(st.integers(-50, 0)) if kind not in {DataType.U16, DataType.U32} else 0, maximum=90
    )
    point = Point("p", 1, Table.HOLDING, 11, kind, atomic=data.draw(st.booleans()), limits=limits)
    around = [Point(f"n{at}", 1, Table.HOLDING, at) for at in (9, 10, *range(11 + kind.words, 16))]
    cell = bench(policy_of(point, *around))
    before = data.draw(st.lists(words, min_size=7, max_size=7))
    law = cell.judge._points.all[0][1]
    start = law.decode(before[2 : 2 + kind.words])
    if data.draw(st.booleans()) and start is not None and 0 <= start <= 90:
        cell.holds(9, *before)
    request = data.draw(requests)
    meaning = cell.meaning(request)
    after = dict(enumerate(before, 9))
    for change in meaning.changes:
        for index, value in enumerate(change.values):
            at = change.start + index
            after[at] = (after[at] & change.keep) | (value & ~change.keep & 0xFFFF)
    touched = any(
        at in range(11, 11 + kind.words) for c in meaning.changes for at in range(c.start, c.start + len(c.values))
    )

    if touched and cell.ask(request).decision is Decision.ALLOW:
        result = law.decode([after[at] for at in range(11, 11 + kind.words)])
        assert result is not None
        assert limits.minimum <= result <= limits.maximum


def test_every_reason_code_is_explained():
    folder = Path(__file__).parents[2] / "icsguard" / "policy"
    sources = "".join((folder / name).read_text() for name in ("breach.py", "values.py", "permission.py", "decide.py"))
    used = set(re.findall(r'(?:breach|_reason|_plain)\(\s*(?:line, )?"([a-z-]+)"', sources)) | {
        "value-above-max",
        "value-below-min",
    }

    assert set(CODES) == used
