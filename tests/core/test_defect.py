"""A defect is a harmless remark unless it says otherwise."""

from icsguard.core.defect import Defect


def test_a_defect_ends_no_connection_and_has_no_answer_by_itself():
    defect = Defect("some-code", "some text")
    assert (False, 0) == (defect.fatal, defect.reply)
