from icsguard.core.clock import HOUR
from icsguard.core.record import Severity
from icsguard.runtime.pki_endings import Endings, severity_of
from icsguard.runtime.pki_work import Warned

SOON, SOONER = Warned("own/gate.der", 25, 30), Warned("own/gate.der", 5, 7)


def test_each_step_is_told_once_and_shown_as_long_as_it_lasts():
    endings = Endings()
    assert [SOON] == endings.news([SOON], 1)
    assert [] == endings.news([SOON], 2)
    assert 1 == len(endings.texts)
    assert [SOONER] == endings.news([SOONER], 3)
    assert [] == endings.news([], 4)
    assert () == endings.texts
    assert [SOON] == endings.news([SOON], 5)  # another certificate of the same name


def test_the_folder_is_looked_at_each_hour_and_when_it_changes():
    endings = Endings()
    assert endings.is_due(5)
    endings.news([], 5)
    assert [False, True] == [endings.is_due(4 + HOUR), endings.is_due(5 + HOUR)]
    endings.look_again()
    assert endings.is_due(6)


def test_the_nearer_the_end_the_graver():
    levels = [severity_of(Warned("x", 0, level)) for level in (60, 30, 7, 0)]
    assert [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.HIGH] == levels
