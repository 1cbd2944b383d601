"""Several courses of things, tried in the twin side by side from the live state: nothing, a command, a playbook.

Doing nothing means that whoever moves a set-point goes on as lately: that is what isolating or blocking ends. What an
alternative is blamed for is only what doing nothing would not bring as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Final, NamedTuple

import numpy as np

from icsguard.core.clock import SECOND
from icsguard.core.point import DataType, Point
from icsguard.core.sandbox import MAX_OPTIONS, MAX_POINTS, Option, OptionCourse, Play, PointCourse, Sandbox, Violation
from icsguard.inference.api import Array
from icsguard.twin.api import Forecast, Move, Twin
from icsguard.twin.grid import Row
from icsguard.twin.learned import LearnedTwin
from icsguard.twin.site_model import SiteModel
from icsguard.twin.what_if import Envelope, envelopes

MAX_WRITES: Final = 64  # last writes kept per point; a faster client is seen over a shorter time
MAX_ROWS: Final = 128  # rows from which the learnt twin knows what moves the plant besides its laws; some dozens count
TREND: Final = 3
"""So many changes of one client in one direction are a trend."""
TREND_STEPS: Final = 120  # steps back in which they must lie
RESTORE_NS: Final = 600 * SECOND
"""What was written so lately is taken back by `restore`."""
SOONER: Final = 1.25
"""A limit that is passed anyway must be passed so much earlier to be an alternative's fault."""
_SHOWN: Final = 60  # values of a course that are told
_QUIET: Final = frozenset({Play.HOLD_LAST, Play.FAIL_SAFE})


class Written(NamedTuple):
    """One write that reached the device."""

    at: int
    value: float
    before: float
    client: str


class SandboxWatch:
    """The sandbox of one conduit: a twin that follows the plant, and who wrote what lately."""

    def __init__(
        self, conduit: str, points: Sequence[Point], model: SiteModel, engineering: Twin | None, steps: int
    ) -> None:
        """`engineering`: an engineer's twin in the place of the learnt one; nobody measured how good it is."""
        self._engineering, self._rows = engineering, deque[Row](maxlen=MAX_ROWS)
        self._measured = engineering is None
        by_name = {point.name: point for point in points}
        self._conduit, self._model, self._steps = conduit, model, steps
        self._points = [by_name[column.name] for column in model.columns]
        self._places = {column.name: place for place, column in enumerate(model.columns)}
        self._envelopes = envelopes(model, by_name)
        self._writes: dict[int, deque[Written]] = {}
        self._last: Row | None = None

    def observe(self, row: Row) -> None:
        """Take the plant's next row."""
        self._last = row
        if self._engineering is not None:
            self._engineering.observe(row)
        else:
            self._rows.append(
                row
            )  # the learnt twin follows when it is asked: rows come by the thousand, questions do not

    def written(self, point: str, value: float, before: float | None, client: str, now: int) -> None:
        """Take a write that reached the device."""
        place = self._places.get(point)
        if place is not None and before is not None and value != before:
            self._writes.setdefault(place, deque(maxlen=MAX_WRITES)).append(Written(now, value, before, client))

    def drives(self, client: str, now: int) -> bool:
        """Say whether a client is moving something: only then would its isolation change the course of things."""
        return any(name == client for _, name in self._trends(now))

    def try_out(self, options: Sequence[Option], now: int, commands: Mapping[int, float]) -> Sandbox:
        """Return what would come of each option, doing nothing first. `commands`: what is told now, by column."""
        step_s = self._model.step_ns / SECOND
        if self._last is None or now - self._last.at > 3 * self._model.step_ns:
            return Sandbox(self._conduit, step_s, (), "the twin is not in sync with the plant")
        chosen = [Option(Play.NOTHING), *(one for one in options[:MAX_OPTIONS] if one.play is not Play.NOTHING)]
        twin = self._engineering or self._followed()
        forecasts = [twin.predict(self._moves(one, now, commands), self._steps) for one in chosen]
        nothing = self._violations(forecasts[0])
        courses = [self._course(one, forecast, nothing) for one, forecast in zip(chosen, forecasts, strict=True)]
        return Sandbox(self._conduit, step_s, tuple(courses), self._note(chosen))

    def _followed(self) -> Twin:
        twin = LearnedTwin(self._model)
        for row in self._rows:
            twin.observe(row)
        return twin

    def _moves(self, option: Option, now: int, commands: Mapping[int, float]) -> list[Move]:
        values = [(self._places[name], value) for name, value in option.values[:MAX_POINTS] if name in self._places]
        if option.play is Play.RESTORE:
            values = list(self._restored(option, now))
        stopped = {place for place, _ in values} | {self._places.get(name, -1) for name in option.points}
        trends = (
            []
            if option.play in _QUIET
            else [
                move
                for move, client in self._trends(now)
                if move.column not in stopped and not (option.play is Play.ISOLATE and client == option.client)
            ]
        )
        present = [Move(place, value) for place, value in commands.items()]
        return [*present, *trends, *(Move(place, value) for place, value in values)]  # the last word holds

    def _trends(self, now: int) -> Iterator[tuple[Move, str]]:
        """Yield how clients go on moving numbers, each with the client that does it."""
        since = now - TREND_STEPS * self._model.step_ns
        for place, writes in self._writes.items():
            if self._points[place].type is DataType.BOOL:
                continue
            mine = _run(writes, since)
            if len(mine) < TREND or mine[-1].at == mine[0].at:
                continue
            slope = (mine[-1].value - mine[0].value) / (mine[-1].at - mine[0].at) * self._model.step_ns
            limits = self._points[place].limits
            low = -inf if limits.minimum is None else limits.minimum
            high = inf if limits.maximum is None else limits.maximum
            yield Move(place, mine[-1].value + slope, slope, low, high), mine[-1].client

    def _restored(self, option: Option, now: int) -> Iterator[tuple[int, float]]:
        wanted = {self._places.get(name, -1) for name in option.points}
        for place, writes in self._writes.items():
            lately = [
                one
                for one in writes
                if one.at >= now - RESTORE_NS and (not option.client or one.client == option.client)
            ]
            if lately and (not wanted or place in wanted):
                yield place, lately[0].before

    def _course(self, option: Option, forecast: Forecast, nothing: Sequence[Violation]) -> OptionCourse:
        found = self._violations(forecast)
        return OptionCourse(
            name=name_of(option),
            verdict=self._verdict(found),
            violations=tuple(found),
            courses=tuple(self._shown(envelope, forecast) for envelope in self._envelopes),
            is_worse=option.play is not Play.NOTHING and any(_is_worse(one, nothing) for one in found),
        )

    def _violations(self, forecast: Forecast) -> list[Violation]:
        found = [
            one
            for envelope in self._envelopes
            for side, limit in ((-1, envelope.low), (1, envelope.high))
            if np.isfinite(limit)
            if (one := self._violation(envelope, side, limit, forecast)) is not None
        ]
        return sorted(found, key=lambda one: (not one.surely, one.seconds))

    def _violation(self, envelope: Envelope, side: int, limit: float, forecast: Forecast) -> Violation | None:
        mean, band = side * forecast.mean[:, envelope.column], forecast.band[:, envelope.column]
        reach = self._model.columns[envelope.column].trusted_steps if self._measured else 0
        step = _first(mean > side * limit)
        surely = step > 0
        if not surely:
            step = _first((mean + band > side * limit)[:reach])
        if not step:
            return None
        width = float(band[step - 1])
        return Violation(
            point=self._points[envelope.column].name,
            limit=float(limit),
            seconds=step * self._model.step_ns / SECOND,
            predicted=float(side * mean[step - 1]),
            band=width if np.isfinite(width) else -1.0,
            surely=surely,
            trusted=step <= reach,
        )

    def _verdict(self, found: Sequence[Violation]) -> str:
        if any(one.surely and one.trusted for one in found):
            return "leaves the safe range"
        if found:
            return "may leave it"
        trusted = self._measured and all(self._model.columns[one.column].trusted_steps for one in self._envelopes)
        return "safe" if self._envelopes and trusted else "not known"

    def _shown(self, envelope: Envelope, forecast: Forecast) -> PointCourse:
        point = self._points[envelope.column]
        values = tuple(float(one) for one in forecast.mean[:_SHOWN, envelope.column])
        return PointCourse(point.name, point.unit, point.safe_min, point.safe_max, values)

    def _note(self, options: Sequence[Option]) -> str:
        named = {name for one in options for name in (*one.points, *(name for name, _ in one.values))}
        unknown = sorted(name for name in named if name not in self._places)
        told = f"the twin does not know {', '.join(unknown)}" if unknown else ""
        return told if self._envelopes else "no point with a safe range is forecast: give safe_min and safe_max"


def name_of(option: Option) -> str:
    """Return an alternative in words."""
    values = ", ".join(f"{name} = {value:g}" for name, value in option.values)
    rest = " ".join(part for part in (option.client, ", ".join(option.points), values) if part)
    return f"{option.play.value} {rest}".strip()


def _run(writes: Sequence[Written], since: int) -> list[Written]:
    """Return the last writes of one client in one direction, not older than `since`."""
    last, found = writes[-1], list[Written]()
    for one in reversed(writes):
        same = one.client == last.client and (one.value > one.before) == (last.value > last.before)
        if not same or one.at < since:
            break
        found.append(one)
    return found[::-1]


def _is_worse(one: Violation, nothing: Sequence[Violation]) -> bool:
    if not (one.surely and one.trusted):
        return False
    same = [other for other in nothing if (other.point, other.limit) == (one.point, one.limit) and other.surely]
    return not same or one.seconds * SOONER < same[0].seconds


def _first(crossed: Array | np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> int:
    found = np.flatnonzero(crossed)
    return int(found[0]) + 1 if len(found) else 0
