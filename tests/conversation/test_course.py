import pytest

from icsguard.conversation.course import Course, weightiest
from icsguard.conversation.states import IllegalMoveError, Stage
from icsguard.core.decision import Decision, Layer
from icsguard.core.verdict import Reason


def reason(code, decision):
    return Reason(Layer.POLICY, code, code, decision)


def test_a_course_begins_undecided_with_nothing_against_it():
    one = Course(7, 10, changes=True, malformed=False)
    assert (7, 10, Stage.WAITING, Decision.ALLOW) == (one.number, one.arrived_at, one.stage, one.decision)
    assert ((), None, 0) == (one.reasons, one.outcome, one.reply)


def test_each_reason_is_kept_and_the_worst_is_what_enforcement_would_do():
    one = Course(1, 0, changes=True, malformed=False)
    for code, decision in (("a", Decision.ALERT), ("b", Decision.HOLD), ("c", Decision.ALLOW)):
        one.note(reason(code, decision))
    assert (["a", "b", "c"], Decision.HOLD) == ([found.code for found in one.reasons], one.would_be)
    assert Decision.ALLOW is one.decision, "a note decides nothing"


def test_a_course_that_ended_has_ended():
    one = Course(1, 0, changes=False, malformed=False)
    one.move(Stage.ENDED)
    with pytest.raises(IllegalMoveError):
        one.move(Stage.READY)


def test_of_equally_weighty_reasons_the_first_counts():
    reasons = (reason("a", Decision.ALERT), reason("b", Decision.REFUSE), reason("c", Decision.REFUSE))
    assert "b" == weightiest(reasons).code
