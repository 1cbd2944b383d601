"""One conduit as the shadow follows it: image, twin, habits, flows and clients, fed with mirrored transactions.

`observe` is cheap and keeps the image up to date; `score` does what may be shed: residuals and flow windows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from icsguard.core.clock import MS, SECOND
from icsguard.core.finding import Finding
from icsguard.core.isolation import IsolationRequest
from icsguard.core.live import PointState
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.core.sandbox import Option, Play, Sandbox
from icsguard.core.transaction import Transaction
from icsguard.detect import explain
from icsguard.detect.alarms import REMIND_NS, Alarm
from icsguard.detect.answers import AnswerWatch, Oddity, ReaderWatch
from icsguard.detect.conduct import Conduct, ConductWatch
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.flows import FlowWatch, window_ns
from icsguard.detect.guarantee import promise
from icsguard.detect.options import ConduitOptions, ShadowOptions
from icsguard.detect.residuals import ResidualWatch, Strange
from icsguard.detect.sandbox import SandboxWatch
from icsguard.detect.triage import Triage, TriageMemory
from icsguard.detect.writes import WriteWatch
from icsguard.inference.api import Array
from icsguard.protocols.modbus.describe import reference
from icsguard.protocols.modbus.meaning import Observed
from icsguard.twin.grid import Grid, Row
from icsguard.twin.image import Habit, Image
from icsguard.twin.repeat import LENGTH, RepeatWatch
from icsguard.twin.site_model import HORIZONS, Calibration, Site, SiteModel, points_digest
from icsguard.twin.traffic import Event, event
from icsguard.twin.what_if import WhatIf

MAX_ROWS: Final = 256  # rows that wait for their score: minutes at one a second. The oldest is shed, and counted
MAX_FINDINGS: Final = 256  # findings that wait for the next tick; more are shed, and counted
MAX_STEPS: Final = HORIZONS[-1]  # of a roll-out: over within a fraction of the judge's deadline, and judged that far
FRESH_STEPS: Final = 3
"""A row so many steps old is no past for a roll-out any more."""
RECENT_NS: Final = 60 * SECOND
"""An alarm of the twin so young makes an unusual write suspicious."""


class ConduitWatch:
    """The state of one conduit. `site` is None until something was learnt; then image and conduct are all there is."""

    def __init__(
        self,
        options: ConduitOptions,
        shared: ShadowOptions,
        site: Site | None,
        flow_model: FlowModel | None,
        triage: Triage | None = None,
    ) -> None:
        self.options = options
        self.note = ""
        """Why a site model that was given is not used."""
        if site is not None and site.model.points_digest != points_digest(options.points):
            self.note = "the point list changed since learning: learn again"
            site = None
        self.site = site
        model = site.model if site else None
        self.image = Image(options.points, _habits(options.points, model))
        self.writes = WriteWatch(self.image.points, model)
        self.flows = FlowWatch(window_ns(shared.window_s), flow_model if model else None, model)
        self._conduct = ConductWatch(options.isolation_threshold, model.peak_rate if model else 0.0)
        self._answers = AnswerWatch(model.answer_ns if model else 0)
        self._readers = ReaderWatch(model.step_ns if model else 0)
        self._clients: set[str] = set()
        """Clients that read, up to the second: one alone cannot be shown anything else than the others."""
        self._looked = 0
        self._repeat = RepeatWatch() if model is None or not model.repeats else None
        self.columns = _columns(options.points, model)
        """Image index of each of the model's columns."""
        self.column_of = {index: column for column, index in enumerate(self.columns)}
        self._widest = _widest(self.columns, model)
        self._commands = [place for place, one in enumerate(model.columns) if one.kind == "command"] if model else []
        self.grid: Grid | None = None
        self.what_if: WhatIf | None = None
        self.sandbox: SandboxWatch | None = None
        self.residuals: ResidualWatch | None = None
        if site is not None and model is not None:
            self.grid = Grid(model.step_ns, self.columns, [column.fresh_ns for column in model.columns])
            steps = max(1, min(int(shared.horizon_s * SECOND / model.step_ns), MAX_STEPS))
            self.what_if = WhatIf(model, options.points, steps)
            self.sandbox = SandboxWatch(options.name, options.points, model, site.engineering, steps)
            self.residuals = ResidualWatch(model, site.scorer) if site.scorer else None
        self.residual_alarm = Alarm(model.residuals, model.unrest) if model else Alarm(Calibration())
        self._flow_alarm = Alarm(model.flow if model else Calibration())
        self._rows: deque[Row] = deque()
        self.last_row: Row | None = None
        self.shed_rows = self.shed_findings = self.transactions = 0
        self.findings: list[Finding] = []
        self.isolations: list[IsolationRequest] = []
        self.strange: Strange | None = None
        self._triage, self._memory = triage, TriageMemory()
        self._repeat_told = -REMIND_NS

    def observe(self, transaction: Transaction) -> None:
        """Take one finished transaction."""
        now = transaction.response_at or transaction.request_at
        self.transactions += 1
        self._advance(now)
        one = event(transaction)
        self._take(one, transaction, now)
        for oddity in self._answers.take(one, transaction, now):
            self._tell(oddity, transaction, now)
        self.flows.take(transaction, now)
        for bad in self._conduct.take(transaction, now):
            self._isolate(bad, transaction.number, now)

    def _isolate(self, bad: Conduct, number: int, now: int) -> None:
        """Tell what a client does, and ask for its isolation, unless the twin sees that this would do harm."""
        found = explain.conduct(bad, conduit=self.options.name, number=number)
        if self.sandbox is not None and self.sandbox.drives(bad.client, now):
            tried = self.try_out((Option(Play.ISOLATE, client=bad.client),), now)
            if any(one.is_worse for one in tried.options):
                self._find(
                    replace(found, text=f"{found.text}; not isolated, as the twin sees harm in that: icsguard twin try")
                )
                return
        self._find(found)
        name, seconds = self.options.name, self.options.isolation_seconds
        self.isolations.append(IsolationRequest(bad.client, name, bad.scope, bad.text, bad.code, seconds))

    def _advance(self, now: int) -> None:
        if self.grid is None:
            return
        for row in self.grid.advance(self.image, now):
            self.last_row = row
            if self.what_if is not None:
                self.what_if.follow(row)
            if self.sandbox is not None:
                self.sandbox.observe(row)
            if len(self._rows) >= MAX_ROWS:
                self._rows.popleft()
                self.shed_rows += 1
            self._rows.append(row)

    def _take(self, one: Event, transaction: Transaction, now: int) -> None:
        unit = one.request.unit
        for change in one.writes:
            for index, value in self.image.preview(unit, change):
                if value is not None:
                    before = self.image.cells[index].value
                    self.writes.delivered(index, value, before, transaction.client, now)
                    if self.sandbox is not None:
                        self.sandbox.written(self.image.points[index].name, value, before, transaction.client, now)
            self.image.written(unit, change, now)
        for change in one.unknown:
            self.image.unknown(unit, change)
        for seen in one.reads:
            self._read(unit, seen, transaction, now)

    def _read(self, unit: int, seen: Observed, transaction: Transaction, now: int) -> None:
        name, number = self.options.name, transaction.number
        client, flow = transaction.client, transaction.flow
        for one in self.image.read(unit, seen.table, seen.first, seen.values, asked=transaction.request_at, now=now):
            self._find(
                explain.deviation(
                    one,
                    conduit=name,
                    point=self.image.points[one.point],
                    client=client,
                    flow=flow,
                    number=number,
                    at=now,
                )
            )
        question = (unit, seen.table, seen.first, len(seen.values))
        self._compare(question, unit, seen, transaction, now)
        if self._repeat is None:
            return
        if self._repeat.seen(question, seen.values) and now - self._repeat_told >= REMIND_NS:
            self._repeat_told = now
            self._find(
                explain.repeated(conduit=name, client=client, flow=flow, number=number, at=now, length=LENGTH),
            )

    def _compare(
        self, question: tuple[int, Table, int, int], unit: int, seen: Observed, transaction: Transaction, now: int
    ) -> None:
        """Hold what this client was shown beside what another one was shown a moment ago."""
        if len(self._clients) < 2:  # noqa: PLR2004 - it takes two to disagree
            self._clients.add(transaction.client)
            return
        hits = self.image.book.hits(unit, seen.table, seen.first, len(seen.values))
        values = [self.image.cells[hit.point].value for hit in hits]
        widest = [self._widest.get(hit.point, 0.0) for hit in hits]
        for place in self._readers.take(question, transaction.client, values, widest, now):
            point = self.image.points[hits[place].point]
            text = f"{transaction.client} is shown another {point.name} than the client before, again and again"
            self._tell(
                Oddity("readers-disagree", text, values[place] or 0.0, widest[place], now, point.name), transaction, now
            )

    def _tell(self, one: Oddity, transaction: Transaction, now: int) -> None:
        client, flow, number = transaction.client, transaction.flow, transaction.number
        self._find(explain.answers(one, conduit=self.options.name, client=client, flow=flow, number=number, at=now))

    def _look_for_stale(self, now: int) -> None:
        """Tell of points that were polled while learning and are not any more."""
        if self.grid is None or now - self._looked < self.grid.step_ns:
            return
        self._looked = now
        ages = [
            (self.image.points[index].name, now - self.image.cells[index].at)
            for index, fresh in zip(self.columns, self.grid.fresh_ns, strict=True)
            if self.image.cells[index].value is not None and now - self.image.cells[index].at > fresh
        ]
        oldest = max((age for _, age in ages), default=0)
        for one in self._answers.old([name for name, _ in ages], oldest, now):
            self._find(explain.answers(one, conduit=self.options.name, client="", flow=0, number=0, at=now))

    def score(self, now: int, *, most: int) -> int:
        """Score at most `most` waiting rows and windows; return how many that were."""
        done = 0
        self._look_for_stale(now)
        while self._rows and done < most:
            self._score_row(self._rows.popleft())
            done += 1
        for closed in self.flows.due(now):
            scored = self.flows.score(closed)
            done += 1
            if scored is not None and self._flow_alarm.score(scored.score, scored.at, scored.client):
                self._find(
                    explain.unusual_flow(
                        conduit=self.options.name,
                        client=scored.client,
                        flow=scored.flow,
                        at=scored.at,
                        score=scored.score,
                        calibration=self._flow_alarm.calibration,
                        contributions=scored.contributions,
                    )
                )
        return done

    def _score_row(self, row: Row) -> None:
        if self.residuals is None:
            return
        strange = self.residuals.feed(row)
        self._memory.take(self.residuals.levels if strange is not None else None)
        if strange is None:
            return
        self.strange = strange
        alarm = self.residual_alarm
        at_once, slowly = alarm.score(strange.score, strange.at), alarm.drift(strange.score, strange.at, strange.unrest)
        if at_once or slowly:
            found = explain.implausible(
                strange, conduit=self.options.name, calibration=alarm.calibration, drift=not at_once
            )
            self._find(self._named(found))

    def _named(self, found: Finding) -> Finding:
        """Return the alarm with what it looks like, where there is a model that can say."""
        features = self._memory.features() if self._triage is not None else None
        if self._triage is None or features is None:
            return found
        return explain.looks_like(found, self._triage.name(features))

    def is_twin_alarmed(self, now: int) -> bool:
        """Say whether measured values were implausible a moment ago, by a threshold whose guarantee holds."""
        alarm = self.residual_alarm
        if not alarm.last_at or not alarm.guarantee.is_given or alarm.guarantee.suspended_since:
            return False
        return now - alarm.last_at < RECENT_NS

    def state(self, now: int) -> tuple[Array, Array] | None:
        """Return the model's columns now and one step ago; None where the twin is not in sync with the plant."""
        if self.grid is None or self.last_row is None:
            return None
        values = self.grid.values(self.image, now)
        if values is None or now - self.last_row.at > FRESH_STEPS * self.grid.step_ns:
            return None
        state, previous = np.array(values), np.array(self.last_row.values)
        # As while learning, a row has the commands of the one after it: what was told since is no change still to come.
        previous[self._commands] = state[self._commands]
        return state, previous

    def try_out(self, options: Sequence[Option], now: int) -> Sandbox:
        """Return what would come of each option, doing nothing first."""
        state = self.state(now)
        if self.sandbox is None or state is None:
            return Sandbox(self.options.name, 0.0, (), f"the twin cannot say: {self.summary(now)}")
        return self.sandbox.try_out(options, now, {place: float(state[0][place]) for place in self._commands})

    def points(self, now: int) -> Iterator[PointState]:
        """Yield the state of every point."""
        expected = self.residuals.expected if self.residuals else {}
        model = self.site.model if self.site else None
        bands = {c.name: c.band[0] for c in model.columns if c.band} if model else {}
        for index, point in enumerate(self.image.points):
            age = self.image.age(index, now)
            place = reference(point.table, point.address)
            yield PointState(
                conduit=self.options.name,
                name=point.name,
                unit=point.unit,
                value=self.image.cells[index].value,
                age_ms=0 if age is None else age // MS,
                quality=self.image.quality(index, now),
                predicted=expected.get(point.name),
                band=bands.get(point.name),
                safe_min=point.safe_min,
                safe_max=point.safe_max,
                where=point.node or f"unit {point.unit_id} {point.table.word} {point.address} ({place})",
            )

    def summary(self, now: int) -> str:
        """Say in few words how the twin stands: `none`, `no sync`, or how far it may be believed."""
        if self.site is None:
            return self.note or "none: nothing learnt"
        if self.state(now) is None:
            return "no sync"
        model = self.site.model
        trusted = max((column.trusted_steps for column in model.columns), default=0) * model.step_ns / SECOND
        gate = f"trusted {trusted:.0f} s" if trusted else "below its gate: alerts only"
        if trusted and model.holding.writes:
            gate += f"; wrong holds/week: expected {model.holding.expected:.2g}"
        if self.residuals is None:
            return f"{gate}, no scorer"
        return f"{gate}; {promise(self.residual_alarm.guarantee)}"

    def _find(self, finding: Finding) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
        else:
            self.shed_findings += 1


def _columns(points: Sequence[Point], model: SiteModel | None) -> tuple[int, ...]:
    places = {point.name: index for index, point in enumerate(points)}
    return tuple(places[column.name] for column in model.columns) if model else ()


def _widest(columns: Sequence[int], model: SiteModel | None) -> dict[int, float]:
    """Return the largest learnt step of each measured point, by image index."""
    if model is None:
        return {}
    return {
        index: max(one.max_step, one.quantum)
        for index, one in zip(columns, model.columns, strict=True)
        if one.kind == "moving" and one.max_step > 0.0
    }


def _habits(points: Sequence[Point], model: SiteModel | None) -> dict[int, Habit]:
    if model is None:
        return {}
    places = {point.name: index for index, point in enumerate(points)}
    return {
        places[column.name]: Habit(column.keeps, column.by_writes_only, column.longest_run, model.rows)
        for column in model.columns
    }
