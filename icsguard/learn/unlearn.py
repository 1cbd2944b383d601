"""Taking a span of time out of a model, exactly: the result is the model of a fit that never saw it.

The model is fitted again to the traffic that taught it, without the span: laws, neighbours, bands, habits, thresholds,
everything. Its lesson says which hours taught it and what their statistics were; every hour that the span does not
touch must have the very same statistics again, else this is not the traffic that taught the model. The span is also
written down, so that no later learning takes it from a journal again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from icsguard.config.settings import Conduit
from icsguard.core.transaction import Transaction
from icsguard.detect.flow_model import FlowModel
from icsguard.inference import manifest as cards
from icsguard.inference.api import ModelRefusedError
from icsguard.learn.fit import NothingToLearnError, Progress
from icsguard.learn.lesson import MAX_BYTES, Lesson, decode
from icsguard.learn.teach import Lessoned, Span, Teaching, inside, lesson_from, outside, teach
from icsguard.learn.traffic import learnable
from icsguard.runtime.model_store import LESSON, MANIFEST
from icsguard.runtime.whole_file import put
from icsguard.twin.grams import distance

FORGOTTEN: Final = "forgotten.json"
"""In the conduit's folder of models: spans that may not teach again."""
MAX_FORGOTTEN: Final = 10_000  # spans; more than one an hour of a year. Beyond: refused
MAX_FORGOTTEN_BYTES: Final = 8 << 20
SAME: Final = 1e-9
"""Statistics that differ by no more than this share are the same: sums of floats depend on their order."""


class UnlearnError(Exception):
    """Nothing was taken out; the message says why and what to do."""


class Forgotten(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A span that may not teach."""

    since: int
    until: int
    reason: str


class Unlearned(NamedTuple):
    """A model without the span."""

    lessoned: Lessoned
    rows_before: int
    rows_after: int
    difference: float
    """Largest difference of the statistics of the hours that the span does not touch, as a share."""


def unlearn(
    conduit: Conduit,
    old: Lesson,
    traffic: Sequence[Transaction],
    span: Span,
    teaching: Teaching,
    *,
    flow_model: FlowModel | None,
    progress: Progress,
) -> Unlearned:
    """Return the model that never saw the span. Raises UnlearnError, NothingToLearnError."""
    touched = old.within(*span)
    if not touched:
        raise UnlearnError("the model was taught nothing in that time: there is nothing to take out")
    examples = [one._replace(conduit=conduit.name) for one in learnable(traffic, Counter())]
    mine = inside(examples, [(one.begin, one.end) for one in old.segments])
    difference = _difference(old, lesson_from(mine, conduit, teaching.horizon_s, like=old) if mine else None)
    if difference > SAME:
        raise UnlearnError(
            "this is not the traffic that taught the model, as its statistics differ: name the capture that did"
        )
    kept = outside(mine, [span])
    if not kept:
        raise NothingToLearnError("without that span nothing is left to learn from")
    plain = Teaching(teaching.horizon_s, teaching.window_s, teaching.alarms_per_day, trims=False)
    made = teach(kept, conduit, plain, flow_model=flow_model, progress=progress)
    return Unlearned(made, old.total().rows, made.lesson.total().rows, difference)


def _difference(old: Lesson, new: Lesson | None) -> float:
    """Return how far the statistics of the same hours are apart; 1 where hours or points are others."""
    if new is None or new.names != old.names:
        return 1.0
    found = {one.begin: one for one in new.segments}
    if found.keys() != {one.begin for one in old.segments}:
        return 1.0
    return max(distance(old.total([one]), new.total([found[one.begin]])) for one in old.segments)


def read_lesson(folder: Path) -> Lesson:
    """Return what taught the model of a folder. Raises ModelRefusedError, OSError (FileNotFoundError: it has none)."""
    manifest = cards.decode((folder / MANIFEST).read_bytes())
    with (folder / LESSON).open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    cards.check_file(manifest, LESSON, data)
    return decode(data)


def forgotten(folder: Path) -> tuple[Forgotten, ...]:
    """Return the spans that may not teach the models of a folder. Raises ModelRefusedError where that is unreadable."""
    try:
        with (folder / FORGOTTEN).open("rb") as stream:
            return msgspec.json.decode(stream.read(MAX_FORGOTTEN_BYTES), type=tuple[Forgotten, ...])
    except FileNotFoundError:
        return ()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        text = f"{folder / FORGOTTEN} cannot be read ({error}): what must not teach is not known"
        raise ModelRefusedError("forgotten", text) from error


def forget(folder: Path, span: Span, reason: str) -> None:
    """Write down that a span may not teach again. Raises UnlearnError, ModelRefusedError, OSError."""
    known = forgotten(folder)
    if len(known) >= MAX_FORGOTTEN:
        raise UnlearnError(f"{MAX_FORGOTTEN} spans are forgotten already: learn anew from traffic that is clean")
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    text = msgspec.json.format(msgspec.json.encode((*known, Forgotten(*span, reason))), indent=1)
    put(folder / FORGOTTEN, text + b"\n", 0o640)


def remembered(folder: Path, transactions: Sequence[Transaction]) -> list[Transaction]:
    """Return the transactions that may teach: those outside of all forgotten spans. Raises ModelRefusedError."""
    spans = [(one.since, one.until) for one in forgotten(folder)]
    return outside(transactions, spans) if spans else list(transactions)
