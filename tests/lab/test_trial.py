from icsguard.core.decision import Layer
from icsguard.lab.attacks.book import ATTACKS
from icsguard.lab.attacks.scene import Scene
from icsguard.lab.trial import (
    MAX_TRIES_SHOWN,
    Caught,
    Check,
    counted,
    guarded_checks,
    median,
    tries_of,
    unguarded_checks,
    verdict_ms,
)
from icsguard.lab.wire import Fate, Reply

ROGUE = next(attack for attack in ATTACKS if attack.key == "rogue-write")
SCAN = next(attack for attack in ATTACKS if attack.key == "scan")
BY_POLICY = Caught(layers=(str(Layer.POLICY),))
NOTHING = {"attempts": 3, "answered": 0, "refused": 3, "lost": 0}


def scene_of(*fates):
    scene = Scene(0, "127.0.0.66")
    for number, fate in enumerate(fates):
        pdu = b"\x86\x01" if fate is Fate.REFUSED else b""
        scene.note(f"try {number}", Reply(fate, pdu, 0.001 * (number + 1)))
    return scene


def failures(checks):
    return [check.text for check in checks if not check.held]


def test_an_attack_that_is_refused_and_recorded_holds():
    assert failures(guarded_checks(ROGUE, NOTHING, 0, (), BY_POLICY, 0)) == []


def test_each_thing_that_went_wrong_is_named():
    through = {"attempts": 3, "answered": 1, "refused": 2, "lost": 0}
    told = failures(guarded_checks(ROGUE, through, 2, ("tank 1 overflowed",), Caught(layers=("model",)), 1))
    assert told == [
        "no more than 0 of its attempts succeeded",
        "the device never saw it",
        "the plant is unharmed",
        "caught by policy",
        "no normal request was hurt meanwhile",
    ]


def test_without_a_record_nothing_was_caught():
    assert failures(guarded_checks(ROGUE, NOTHING, 0, (), Caught(), 0)) == ["caught by policy"]


def test_an_unguarded_attack_that_harms_nothing_is_no_attack():
    carried = {"attempts": 3, "answered": 3, "refused": 0, "lost": 0}
    assert failures(unguarded_checks(ROGUE, carried, ("tank 1 overflowed",))) == []
    assert failures(unguarded_checks(ROGUE, carried, ())) == ["tank 1 overflowed"]
    assert failures(unguarded_checks(SCAN, NOTHING, ())) == ["the device answered the attacker"]


def test_the_fate_is_told_in_words(trial):
    assert trial().fate == "all 3 refused"
    assert trial(answered=3, refused=0).fate == "all 3 carried out"
    assert trial(answered=1, refused=1, lost=1).fate == "2 of 3 stopped"
    assert trial(refused=2, lost=1).fate == "all 3 stopped"
    assert trial(attempts=1, refused=1).fate == "refused"
    assert trial(attempts=0).fate == "nothing tried"
    assert not trial(checks=(Check("a", held=True), Check("b", held=False))).held


def test_attempts_are_counted_by_their_end():
    scene = scene_of(Fate.REFUSED, Fate.SILENT, Fate.CLOSED, Fate.ANSWERED, Fate.REFUSED)
    assert counted(scene) == {"attempts": 5, "answered": 1, "refused": 2, "lost": 2}
    assert verdict_ms(scene) == 5.0


def test_equal_neighbours_are_folded_and_the_list_is_bounded():
    scene = Scene(0, "127.0.0.66")
    for _ in range(500):
        scene.note("read", Reply(Fate.REFUSED, b"\x84\x01", 0.001))
    assert [(told.text, told.times, told.exception) for told in tries_of(scene)] == [("read", 500, 1)]
    assert len(tries_of(scene_of(*[Fate.SILENT] * 40))) == MAX_TRIES_SHOWN


def test_the_median_of_nothing_is_nothing():
    assert (median([]), median([3.0, 1.0, 2.0])) == (0.0, 2.0)
