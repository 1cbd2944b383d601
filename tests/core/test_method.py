"""What calls are declared to set."""

import pytest

from icsguard.core.meaning import Intent, Meaning, NodeAccess, NodeChange
from icsguard.core.method import Effect, Method, Methods

START = "nsu=urn:plant;s=Start"
PUMP = "nsu=urn:plant;s=Pump"
SPEED, RUN = Effect("speed", 1), Effect("run", value=1.0)


def call(method=START, parent=PUMP):
    return NodeAccess(Intent.EXECUTE, method, 0, "", parent)


def handed(*values):
    return [NodeChange(0, "Double", (value,), argument=number) for number, value in enumerate(values)]


def test_an_argument_and_a_constant_become_values_of_points():
    brought = Methods([Method(START, (), (SPEED, RUN))]).brings(call(), handed(7.0, 30.0))
    assert [("speed", (30.0,)), ("run", (1.0,))] == [(one.effect.point, one.change.values) for one in brought]
    assert {-1} == {one.change.argument for one in brought}


def test_a_missing_argument_brings_nobody_knows_what():
    assert [(SPEED, None)] == Methods([Method(START, (), (SPEED,))]).brings(call(), handed(7.0))


@pytest.mark.parametrize(
    ("objects", "count"), [((), 1), ((PUMP,), 1), (("nsu=urn:plant;s=P*",), 1), (("nsu=urn:plant;s=Pum",), 0)]
)
def test_objects_are_exact_unless_they_end_in_a_star(objects, count):
    assert count == len(Methods([Method(START, objects, (RUN,))]).effects(call()))


def test_what_two_rules_declare_alike_counts_once():
    assert (RUN,) == Methods([Method(START, (), (RUN,)), Method(START, (PUMP,), (RUN,))]).effects(call())


def test_only_calls_have_effects_and_only_where_some_are_declared():
    methods = Methods([Method(START, (), (RUN,))])
    assert () == methods.effects(call()._replace(intent=Intent.WRITE))
    assert () == methods.effects(call("nsu=urn:plant;s=Stop"))
    assert [True, False] == [bool(methods), bool(Methods([Method(START)]))]


def test_each_call_of_a_request_has_its_own_arguments():
    asked = Meaning(
        Intent.EXECUTE, 712, -1, 0, (), (), b"", (call(), call("i=1"), call()), (*handed(1.0, 2.0), *_at(2, 3.0, 4.0))
    )
    found = [(place, one.change.values) for place, one in Methods([Method(START, (), (SPEED,))]).called(asked)]
    assert [(0, (2.0,)), (2, (4.0,))] == found


def _at(place, *values):
    return [change._replace(place=place) for change in handed(*values)]
