import io

from rich.console import Console

from icsguard.lab.telling import Teller
from icsguard.lab.trial import Check


def teller():
    out = io.StringIO()
    return Teller(Console(file=out, width=100)), out


def test_the_fate_of_an_attack_is_one_line(trial):
    talk, out = teller()
    talk.tell(2, 14, trial())
    assert out.getvalue() == "attack    2/14 Unknown client writes (T0855): all 3 refused in 1.2 ms by policy\n"


def test_what_did_not_hold_is_told_at_once(trial):
    talk, out = teller()
    talk.tell(2, 14, trial(checks=(Check("the device never saw it", held=False),)))
    assert "not so: the device never saw it" in out.getvalue()


def test_markup_from_elsewhere_is_only_text():
    talk, out = teller()
    talk.say("hurt", "[bold]x[/bold]")
    assert "[bold]x[/bold]" in out.getvalue()


async def test_waiting_takes_its_time():
    talk, _out = teller()
    await talk.wait("learning", 0.05)
    with talk.steps("fitting") as steps:
        steps.move(0.5, "half of it")
