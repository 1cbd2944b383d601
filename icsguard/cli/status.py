"""`icsguard status`: everything that matters on one screen of 80 by 24."""

from __future__ import annotations

from typing import Final

from icsguard.cli import show
from icsguard.cli.durations import in_words
from icsguard.cli.moments import time_of_day
from icsguard.cli.options import Config, Json
from icsguard.cli.show import Cell
from icsguard.cli.talk import answer
from icsguard.control.replies import ConduitStatus, PartStatus, Status
from icsguard.control.requests import GetStatus
from icsguard.core.clock import SECOND
from icsguard.core.decision import FailurePolicy, Mode
from icsguard.core.isolation import Isolation

WIDE: Final = 110
"""From so many columns on the addresses stand in the same line."""
MAX_LINES_SHOWN: Final = 5  # isolations and warnings each; the screen has 24 lines, --json has all
FACTS_SHOWN: Final = 4  # what shadow and recorder say of themselves; --json has all
IF_SHADOW_FAILS: Final = {
    FailurePolicy.POLICY_ALONE: "writes by policy",
    FailurePolicy.REFUSE: "writes refused",
}
DISK_WELL: Final = frozenset({"ok", "closed"})
"""What the recorder says of its disk where nothing is wrong; closed: nothing was to be written yet."""
_MODE_STYLE: Final = {Mode.LEARN: "cyan", Mode.OBSERVE: "yellow", Mode.ENFORCE: "green"}


def status(*, config: Config = None, as_json: Json = False) -> None:
    """Show conduits, modes, shadow and recorder, isolations and open tickets of the running gateway."""
    now = answer(GetStatus(), Status, config)
    if as_json:
        show.as_json(now)
        return
    show.line(headline(now), style="bold")
    wide = show.width() >= WIDE
    show.table(conduit_columns(wide=wide), [conduit_row(line, wide=wide) for line in now.conduits], right=NUMBERS)
    show.line("")
    show.table(COUNTERS, [counter_row(line) for line in now.conduits], right=NUMBERS)
    for line in now.conduits:
        if line.links:
            show.line(f"{line.name}: {line.links}", style="red" if "silent" in line.links else "")
    show.line("")
    for part in now.parts:
        show.line(part_line(part, now), style="" if part.state == "up" else "red")
    for isolation in now.isolations[:MAX_LINES_SHOWN]:
        show.line(isolation_line(isolation, now), style="yellow")
    if len(now.isolations) > MAX_LINES_SHOWN:
        show.line(f"… and {len(now.isolations) - MAX_LINES_SHOWN} more isolations (--json shows all)")
    if now.last_change:
        show.line(f"last change: {now.last_change}")
    for warning in warnings(now)[:MAX_LINES_SHOWN]:
        show.line(f"WARNING {warning}", style="red")


NUMBERS: Final = frozenset(
    {"P99 ADDED", "CLIENTS", "REQ/S", "REQUESTS", "REFUSED", "HELD", "ALERTS", "WOULD STOP", "FAILOVER"}
)
COUNTERS: Final = ("CONDUIT", "CLIENTS", "REQ/S", "REQUESTS", "REFUSED", "HELD", "ALERTS", "WOULD STOP", "FAILOVER")


def headline(now: Status) -> str:
    """Return the first line: name, age, and what waits for a human."""
    up = in_words((now.now - now.started) / SECOND)
    return (
        f"{now.name}  icsguard {now.version} ({now.core or 'Python'})  up {up}  tickets {now.tickets}  "
        f"isolations {len(now.isolations)}  grants {now.grants}"
    )


def conduit_columns(*, wide: bool) -> tuple[str, ...]:
    """Return the columns of the first table; a narrow terminal leaves out the listening address."""
    listen = ("LISTEN",) if wide else ()
    return ("CONDUIT", "MODE", *listen, "DEVICE", "P99 ADDED", "TWIN", "IF SHADOW FAILS")


def conduit_row(line: ConduitStatus, *, wide: bool) -> list[str | Cell]:
    """Return one conduit for the first table."""
    device = f"{line.device} DOWN" if line.device_state == "down" else line.device
    failing = next((words for policy, words in IF_SHADOW_FAILS.items() if policy == line.failure_policy), None)
    return [
        line.name,
        Cell(line.mode, _MODE_STYLE[line.mode]),
        *([f"{line.protocol} {line.listen}"] if wide else []),
        Cell(device, "red" if line.device_state == "down" else ""),
        f"{line.p99_added_us / 1000:.2f} ms" if line.p99_added_us else "-",
        line.twin,
        failing or line.failure_policy,
    ]


def counter_row(line: ConduitStatus) -> list[str | Cell]:
    """Return one conduit for the second table; all but clients and rate count since the start."""
    return [
        line.name,
        str(line.clients),
        f"{line.requests_per_s:.1f}",
        str(line.transactions),
        _counted(line.refused, "red"),
        _counted(line.held, "yellow"),
        _counted(line.alerted, "yellow"),
        _counted(line.would_be, "yellow"),
        _counted(line.failovers, "red"),
    ]


def warnings(now: Status) -> list[str]:
    """Return what a human must know, the writes with an unknown outcome first."""
    unknown = [
        f"{line.writes_unknown} writes on {line.name} have an unknown outcome: icsguard records --conduit {line.name}"
        for line in now.conduits
        if line.writes_unknown
    ]
    suspended = [
        f"{line.name}: the twin's alarms come at another rate than promised, statistics only alert; "
        f"if the plant has changed, learn again: icsguard learn {line.name}"
        for line in now.conduits
        if "guarantee suspended" in line.twin
    ]
    return [*unknown, *suspended, *(said for part in now.parts if (said := _disk_warning(part))), *now.warnings]


def _disk_warning(part: PartStatus) -> str:
    """Return what is wrong with the recorder's disk; empty if nothing."""
    disk = part.facts.get("disk", "ok")
    return "" if disk in DISK_WELL else f"records do not reach the disk, try icsguard doctor: {disk}"


def part_line(part: PartStatus, now: Status) -> str:
    """Return one line on shadow or recorder."""
    since = f" for {in_words((now.now - part.since) / SECOND)}" if part.since else ""
    lost = f"  lost {part.lost}" if part.lost else ""
    facts = "".join(f"  {name} {_number(value)}" for name, value in tuple(part.facts.items())[:FACTS_SHOWN])
    return f"{part.role:<9}{part.state}{since}{lost}{facts}"


def isolation_line(isolation: Isolation, now: Status) -> str:
    """Return one line on a client that is cut off."""
    until = f"until {time_of_day(isolation.until, now.wall_shift)}" if isolation.until else "until released"
    what = "isolated" if isolation.scope == "full" else "may only read"
    where = "everywhere" if isolation.conduit == "*" else f"on {isolation.conduit}"
    return f"{isolation.client} {what} {where} {until} by {isolation.by}: {isolation.reason}"


def _counted(count: int, style: str) -> Cell:
    return Cell(str(count), style if count else "")


def _number(value: float | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
