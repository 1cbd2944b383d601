"""`icsguard twin try` shows alternatives side by side, and says by its exit code whether one does harm."""

import json

import msgspec
import pytest

from icsguard.cli.exits import CliError
from icsguard.cli.sandbox import bars, values_of
from icsguard.control.replies import FailureCode, Tried
from icsguard.control.requests import TryOut
from icsguard.core.sandbox import Option, OptionCourse, Play, PointCourse, Sandbox, Violation

COURSE = PointCourse("LT101", "m", 0.5, 4.5, (2.0, 3.0, 4.0, 4.9))
HARM = Violation("LT101", 4.5, 38.0, 4.9, 0.2, surely=True, trusted=True)


@pytest.fixture
def tried(answers):
    result = Sandbox(
        "plc1",
        1.0,
        (
            OptionCourse("do nothing", "safe", (), (COURSE,)),
            OptionCourse("write speed = 80", "leaves the safe range", (HARM,), (COURSE,), is_worse=True),
        ),
    )
    answers["TryOut"] = Tried(now=1, wall_shift=0, result=result)
    return result


def test_alternatives_stand_side_by_side_and_harm_is_exit_code_4(gateway, tried, icsguard):
    ended = icsguard("twin", "try", "plc1", "--write", "speed=80", "--isolate", "10.0.0.66", "--hold-last")
    assert 4 == ended.code
    for expected in ("do nothing", "safe", "LT101 reaches 4.9 (limit 4.5) in 38 s, band ±0.2", "0.5..4.5 m", "█"):
        assert expected in ended.out
    options = (
        Option(Play.WRITE, values=(("speed", 80.0),)),
        Option(Play.ISOLATE, client="10.0.0.66"),
        Option(Play.HOLD_LAST),
    )
    assert TryOut(conduit="plc1", options=options) == gateway.asked[-1]


def test_every_playbook_has_its_option(gateway, tried, icsguard):
    icsguard("twin", "try", "plc1", "--block", "speed", "--fail-safe", "valve=0", "--restore", "all")
    assert [Play.BLOCK, Play.FAIL_SAFE, Play.RESTORE] == [one.play for one in gateway.asked[-1].options]
    assert () == gateway.asked[-1].options[-1].points


def test_safe_alternatives_are_exit_code_0_and_json_has_everything(gateway, tried, answers, icsguard):
    safe = msgspec.structs.replace(answers["TryOut"], result=Sandbox("plc1", 1.0, tried.options[:1]))
    answers["TryOut"] = safe
    ended = icsguard("twin", "try", "plc1", "--json")
    assert 0 == ended.code
    assert [2.0, 3.0, 4.0, 4.9] == json.loads(ended.out)["result"]["options"][0]["courses"][0]["values"]


def test_a_twin_that_cannot_say_is_a_note(gateway, answers, icsguard):
    answers["TryOut"] = Tried(now=1, wall_shift=0, result=Sandbox("plc1", 0.0, (), "the twin cannot say: no sync"))
    ended = icsguard("twin", "try", "plc1")
    assert (0, "", True) == (ended.code, ended.out, "no sync" in ended.err)


def test_mistakes_are_usage_errors(gateway, tried, icsguard):
    assert 2 == icsguard("twin", "try", "plc1", "--write", "speed").code
    assert 2 == icsguard("twin", "try", "plc1", "--isolate", "nobody").code
    assert 2 == icsguard("twin", "try", "plc1", *["--isolate", "10.0.0.1"] * 9).code
    with pytest.raises(CliError):
        values_of(["a=b"])


def test_a_shadow_that_is_away_is_one_line(gateway, failing, icsguard):
    failing("TryOut", FailureCode.UNAVAILABLE, "the shadow does not answer", "icsguard status")
    assert 1 == icsguard("twin", "try", "plc1").code


def test_bars_go_from_the_lower_limit_to_the_upper():
    assert "▁█" == bars(PointCourse("p", "", 0.0, 1.0, (0.0, 1.0)))
    assert "▁" == bars(PointCourse("p", "", None, None, (3.0,)))
