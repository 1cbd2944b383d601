"""`icsguard twin try`: what would come of a command or a remedy, beside doing nothing, from the live state."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final

import typer

from icsguard.cli import show
from icsguard.cli.durations import in_words
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.isolate import checked_address
from icsguard.cli.options import Config, Json
from icsguard.cli.show import Cell
from icsguard.cli.talk import answer
from icsguard.control.replies import Tried
from icsguard.control.requests import TryOut
from icsguard.core.sandbox import MAX_OPTIONS, Option, OptionCourse, Play, PointCourse, Sandbox, Violation

ALTERNATIVES: Final = ("ALTERNATIVE", "VERDICT", "WHAT WOULD HAPPEN")
COURSES: Final = ("POINT", "ALTERNATIVE", "FIRST", "LAST", "LOWEST", "HIGHEST", "SAFE", "COURSE")
BARS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 24
STYLES: Final = {"leaves the safe range": "red", "may leave it": "yellow", "safe": "green"}


def try_out(
    conduit: Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)],
    *,
    write: Annotated[
        list[str] | None, typer.Option("--write", "-w", help="POINT=VALUE; all of them together are one command.")
    ] = None,
    isolate: Annotated[list[str] | None, typer.Option("--isolate", help="A client that writes no more.")] = None,
    block: Annotated[list[str] | None, typer.Option("--block", help="A point that nobody writes any more.")] = None,
    hold_last: Annotated[bool, typer.Option("--hold-last", help="Nobody writes anything any more.")] = False,
    fail_safe: Annotated[
        list[str] | None, typer.Option("--fail-safe", help="POINT=VALUE, written once; then nobody writes.")
    ] = None,
    restore: Annotated[
        list[str] | None, typer.Option("--restore", help="A point (or 'all') back to what it was before it was moved.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Try a command or remedies in the twin, beside doing nothing; nothing is written. Exit code 4: one does harm."""
    options = (
        *((Option(Play.WRITE, values=values_of(write)),) if write else ()),
        *(Option(Play.ISOLATE, client=checked_address(client)) for client in isolate or ()),
        *((Option(Play.BLOCK, points=tuple(block)),) if block else ()),
        *((Option(Play.HOLD_LAST),) if hold_last else ()),
        *((Option(Play.FAIL_SAFE, values=values_of(fail_safe)),) if fail_safe else ()),
        *((Option(Play.RESTORE, points=tuple(one for one in restore if one != "all")),) if restore else ()),
    )
    if len(options) > MAX_OPTIONS:
        raise CliError(f"at most {MAX_OPTIONS} alternatives are tried at once", code=ExitCode.USAGE)
    reply = answer(TryOut(conduit=conduit, options=options), Tried, config)
    if as_json:
        show.as_json(reply)
    else:
        show_sandbox(reply.result)
    if any(one.is_worse for one in reply.result.options):
        raise typer.Exit(ExitCode.FINDING)


def values_of(texts: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """Return points and values of texts like `speed=80`. Raises CliError (usage)."""
    found = []
    for text in texts:
        name, _, value = text.partition("=")
        try:
            found.append((name.strip(), float(value)))
        except ValueError:
            raise CliError(f"'{text}' is no POINT=VALUE", hint="as in speed=80", code=ExitCode.USAGE) from None
    return tuple(found)


def show_sandbox(result: Sandbox) -> None:
    """Show verdicts, then how each guarded point would go under each alternative."""
    if result.note:
        show.note(result.note)
    if not result.options:
        return
    verdicts: list[list[str | Cell]] = [
        [one.name, Cell(one.verdict, STYLES.get(one.verdict, "")), _what(one)] for one in result.options
    ]
    show.table(ALTERNATIVES, verdicts)
    rows: list[list[str | Cell]] = [
        [course.point, option.name, *_numbers(course), _safe(course), bars(course)]
        for place in range(len(result.options[0].courses))
        for option in result.options
        for course in (option.courses[place],)
    ]
    if rows:
        show.line("")
        last = in_words(result.step_s * len(result.options[0].courses[0].values))
        show.line(f"the next {last}:")
        show.table(COURSES, rows, right=frozenset({"FIRST", "LAST", "LOWEST", "HIGHEST"}))


def _what(option: OptionCourse) -> str:
    if not option.violations:
        return "no limit is reached"
    more = f" (and {len(option.violations) - 1} more)" if len(option.violations) > 1 else ""
    worse = "; doing nothing would not" if option.is_worse else ""
    return sentence(option.violations[0]) + more + worse


def sentence(one: Violation) -> str:
    """Return one violation in words."""
    band = f", band ±{one.band:.2g}" if one.band >= 0 else ""
    word = "reaches" if one.surely else "may reach"
    doubt = "" if one.trusted else ", further than forecasts are trusted"
    return f"{one.point} {word} {one.predicted:.4g} (limit {one.limit:g}) in {one.seconds:.0f} s{band}{doubt}"


def _numbers(course: PointCourse) -> list[str]:
    values = course.values
    return [f"{value:.4g}" for value in (values[0], values[-1], min(values), max(values))]


def _safe(course: PointCourse) -> str:
    low = "" if course.safe_min is None else f"{course.safe_min:g}"
    high = "" if course.safe_max is None else f"{course.safe_max:g}"
    return f"{low}..{high} {course.unit}".rstrip()


def bars(course: PointCourse) -> str:
    """Return a course as a row of bars between its safe limits (or its own ends)."""
    values = course.values[:: max(1, len(course.values) // _WIDTH)]
    low = course.safe_min if course.safe_min is not None else min(values)
    high = course.safe_max if course.safe_max is not None else max(values)
    span = high - low or 1.0
    return "".join(BARS[min(max(int((value - low) / span * len(BARS)), 0), len(BARS) - 1)] for value in values)
