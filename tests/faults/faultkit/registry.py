"""The list of all fault cases: which fault, what is required, how it is shown; and what came out of a run."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

CASES = []


class Broken(AssertionError):  # noqa: N818 - a requirement was broken
    """What is required did not hold; the text says what was seen instead."""


class Late(Broken):
    """Only the bystander's time was not kept: on a machine that others use a second run tells whether that was ours."""


class CannotRun(Exception):  # noqa: N818 - a statement on this machine
    """The case needs what this machine does not have; the text says what."""


class Verdict(StrEnum):
    """How a case ended."""

    HELD = "held"
    BROKEN = "BROKEN"
    CANNOT = "cannot run"


@dataclass(frozen=True)
class Case:
    """One way to show that a fault of the list does no harm."""

    fault: str
    """Its number in the list of faults: `D6`."""
    name: str
    what: str
    """The fault in few words."""
    required: str
    run: Callable
    """Takes a stage, returns what was seen; raises Broken, CannotRun."""
    peers: bool
    """Other relays can be put through it too."""
    own: Callable | None
    """Makes the guard that the case needs for itself; None: it uses the shared one."""
    watch: bool
    """A bystander polls meanwhile."""

    @property
    def id(self):
        return f"{self.fault}-{self.name}"


@dataclass(frozen=True)
class Outcome:
    """How one case ended for one guard."""

    case: Case
    guard: str
    verdict: Verdict
    seen: str
    seconds: float


def case(fault, what, required, *, peers=False, own=None, watch=True):
    """Put a function into the list of cases."""

    def put(function):
        name = function.__name__.replace("_", "-")
        CASES.append(Case(fault, name, what, required, function, peers, own, watch))
        return function

    return put


def require(condition, text):
    """Raise Broken with `text` unless the condition holds."""
    if not condition:
        raise Broken(text)


def _where(error):
    """Return the line of the kit in which an error arose."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if "faultkit" in one.filename]
    return f"{frames[-1].name}:{frames[-1].lineno}" if frames else "?"


def _played(case_, stage):
    stage.begin()
    seen = case_.run(stage)
    return "; ".join(filter(None, [seen, stage.end()]))


def run_case(case_, stage):
    """Run a case on a stage, with what must hold everywhere, and say how it ended."""
    started = time.monotonic()
    try:
        try:
            seen = _played(case_, stage)
        except Late as first:
            stage.settle()
            seen = f"{_played(case_, stage)} (in the second run; in the first {first})"
        verdict = Verdict.HELD
    except CannotRun as reason:
        verdict, seen = Verdict.CANNOT, str(reason)
    except Broken as error:
        verdict, seen = Verdict.BROKEN, str(error)
    except Exception as error:  # noqa: BLE001 - the edge of a case: whatever it is, the table says so and the run goes on
        verdict, seen = Verdict.BROKEN, f"{type(error).__name__}: {error} ({_where(error)})"
    finally:
        stage.settle()
    return Outcome(case_, stage.guard.name, verdict, seen, time.monotonic() - started)
