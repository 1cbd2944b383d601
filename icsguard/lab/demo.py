"""`icsguard demo`: a plant, its operators, icsguard in between; learn, observe, enforce; then the attacks, twice.

The same attacks run at the same time against a second plant without icsguard. What was seen becomes an `Outcome`; the
exit status is 0 only if every expectation held.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console

from icsguard.lab import board, report
from icsguard.lab.guarding import GuardError
from icsguard.lab.outcome import Outcome
from icsguard.lab.play import Lengths, play
from icsguard.lab.telling import Teller

DEFAULT_REPORT: Final = Path("icsguard-demo.html")
LONG: Final = Lengths(learn_s=75.0, observe_s=8.0)
SHORT: Final = Lengths(learn_s=60.0, observe_s=6.0)
"""Four maintenance rounds: with three, the twin's forecasts are not good enough to refuse on, and it says so."""
QUIET_S: Final = 15.0
QUIET_SHORT_S: Final = 5.0
"""How long operators work over OPC UA before the attackers come."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    report: Path | None = None
    """Where the HTML report goes; None for DEFAULT_REPORT."""
    picture: Path | None = None
    """Where the closing table goes as an SVG picture; None for nowhere."""
    seed: int = 1
    fast: bool = False
    keep: bool = False
    """Keep the working folder with records, journal and models."""
    as_json: bool = False
    opcua: bool = False
    """Play over OPC UA: terminated channels, rules on nodes."""


def main(options: Options | None = None) -> int:
    """Play the demo and show what came of it; return the exit status: 0, 1 where anything did not hold, 130."""
    options = options or Options()
    console = Console(stderr=options.as_json, highlight=False)
    teller = Teller(console)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # an attacker who is cut off goes on writing
    logging.disable(logging.ERROR if options.opcua else logging.NOTSET)  # likewise; asyncua has loggers of all names
    try:
        outcome = asyncio.run(_played(options, teller))
    except (GuardError, RuntimeError, OSError) as error:
        teller.say("error", str(error), "bold red")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        teller.say("stopped", "everything that was started has been ended", "bold")
        return 130
    _show(outcome, options, console, teller)
    return 0 if outcome.held else 1


async def _played(options: Options, teller: Teller) -> Outcome:
    """Play; a SIGTERM ends it as Ctrl-C does, with everything cleared away."""
    task = asyncio.current_task()
    if task:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    if options.opcua:
        from icsguard.lab import ua_play  # noqa: PLC0415 - asyncua alone takes a second to import

        return await ua_play.play(options.seed, QUIET_SHORT_S if options.fast else QUIET_S, teller, keep=options.keep)
    return await play(options.seed, SHORT if options.fast else LONG, teller, keep=options.keep)


def _show(outcome: Outcome, options: Options, console: Console, teller: Teller) -> None:
    path = options.report or DEFAULT_REPORT
    path.write_text(report.html(outcome), encoding="utf-8")
    if options.picture:
        options.picture.write_text(board.picture(outcome), encoding="utf-8")
    if options.as_json:
        sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")
    else:
        console.print(board.closing(outcome, console.width))
    teller.say("report", f"{path}   next: icsguard init")


def _options(arguments: Sequence[str]) -> Options:
    return Options(fast="--fast" in arguments, keep="--keep" in arguments, opcua="--opcua" in arguments)


if __name__ == "__main__":
    sys.exit(main(_options(sys.argv[1:])))
