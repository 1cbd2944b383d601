"""Two people for what the twin warns of."""

from icsguard.core.clock import MINUTE
from icsguard.core.sandbox import OptionCourse, Sandbox, Violation
from icsguard.runtime.second import MAX_PENDING, WINDOW_NS, SecondOpinions, isolation_of, warning

DEED = ("isolate", "10.0.0.66", "full", "*")


def test_another_person_completes_it_and_the_same_one_never_does():
    second = SecondOpinions()
    assert "" == second.approve(DEED, "anna", 0)
    assert "" == second.approve(DEED, "anna", 1)
    assert "anna" == second.approve(DEED, "ben", 2)
    assert "" == second.approve(DEED, "ben", 3)


def test_a_first_approval_is_good_for_some_minutes_and_one_deed():
    second = SecondOpinions()
    second.approve(DEED, "anna", 0)
    assert "" == second.approve(("isolate", "10.0.0.67", "full", "*"), "ben", 1)
    assert "" == second.approve(DEED, "ben", WINDOW_NS + 1)
    assert WINDOW_NS == 10 * MINUTE


def test_approvals_are_bounded():
    second = SecondOpinions()
    for number in range(MAX_PENDING + 1):
        second.approve(("isolate", str(number)), "anna", 0)
    assert "" == second.approve(("isolate", "0"), "ben", 1)
    assert "anna" == second.approve(("isolate", str(MAX_PENDING)), "ben", 1)


def test_only_what_is_worse_than_doing_nothing_warns():
    bad = Violation("level", 4.5, 38.0, 4.9, 0.2, surely=True, trusted=True)
    names = ("do nothing", "isolate 10.0.0.66")
    for worse, expected in ((False, ""), (True, "isolate 10.0.0.66 leaves the safe range: level reaches 4.9")):
        courses = tuple(OptionCourse(name, "x", (bad,), (), worse and name != names[0]) for name in names)
        assert warning(Sandbox("plc1", 1.0, courses)).startswith(expected)
    assert "" == warning(None)
    assert "10.0.0.66" == isolation_of("10.0.0.66")[0].client
