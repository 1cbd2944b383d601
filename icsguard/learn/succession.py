"""What becomes of a model that `icsguard learn` fits: the first of a site is its champion, any other must deserve it.

Where the champion knows the very points that are in force, what was learnt stands beside it like any challenger. Where
a review changed the points, the champion can no longer be used, and no live run beside it is possible: then the new one
takes its place at once if every other rule of a promotion holds, each of the two having been tried with its own points.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from icsguard.config.settings import Conduit, Settings
from icsguard.core.point import Point
from icsguard.core.transaction import Transaction
from icsguard.detect.promotion import Ruling, judge
from icsguard.inference.api import ModelRefusedError
from icsguard.inference.manifest import Manifest
from icsguard.learn.challenge import candidates, challenge
from icsguard.learn.export import export, site_key
from icsguard.learn.teach import teach, teaching_of
from icsguard.learn.traffic import learnable
from icsguard.runtime.model_shelf import Shelf, Shelved
from icsguard.runtime.model_store import PUBLIC_KEY, ModelStore
from icsguard.runtime.places import ShippedDataMissingError, models_dir
from icsguard.twin.site_model import points_digest

Progress = Callable[[float, str], None]


class Place(StrEnum):
    """What the new model is."""

    FIRST = "first"
    """The champion, as nobody was there before who could be used."""
    PROMOTED = "promoted"
    """The champion, by rule."""
    WAITS = "waits"
    """A challenger: a rule does not hold, or not yet."""


class Succession(NamedTuple):
    """What became of a model."""

    place: Place
    manifest: Manifest
    ruling: Ruling | None = None
    """Where there was somebody to be compared with."""


def succeed(
    settings: Settings, conduit: Conduit, traffic: Sequence[Transaction], before: Sequence[Point], progress: Progress
) -> Succession:
    """Fit a model to the conduit's points and put it where it belongs. `before`: the points before the review.

    Raises NothingToLearnError or NothingToJudgeError where the traffic is too little, OSError.
    """
    folder, key = Path(settings.shadow.models_dir) / conduit.name, Path(settings.gateway.state_dir) / PUBLIC_KEY
    try:
        known = ModelStore().site(folder, key).model.points_digest
    except (ModelRefusedError, FileNotFoundError):
        known = ""
    if known not in {points_digest(conduit.policy.points), points_digest(tuple(before))}:
        return Succession(Place.FIRST, first(settings, conduit, traffic, progress))
    is_same = known == points_digest(conduit.policy.points)
    trial = challenge(settings, conduit, traffic, progress, None if is_same else tuple(before))
    shelf = Shelf(folder, key)
    ruling = judge(*candidates(shelf, trial), None, has_new_points=not is_same)
    if not ruling.may_promote:
        return Succession(Place.WAITS, _manifest(shelf.challenger), ruling)
    shelf.promote()
    return Succession(Place.PROMOTED, _manifest(shelf.champion), ruling)


def first(settings: Settings, conduit: Conduit, traffic: Sequence[Transaction], progress: Progress) -> Manifest:
    """Fit a model to all of the traffic and make it the champion. What was there and can be used is kept."""
    state = Path(settings.gateway.state_dir)
    folder = Path(settings.shadow.models_dir) / conduit.name
    examples = [one._replace(conduit=conduit.name) for one in learnable(traffic, Counter())]
    try:
        flow = ModelStore().flow(models_dir())
    except (ModelRefusedError, ShippedDataMissingError, OSError):
        flow = None  # the shadow says so too
    made = teach(examples, conduit, teaching_of(settings.shadow), flow_model=flow, progress=progress)
    Shelf(folder, state / PUBLIC_KEY).keep()
    return export(made.fitted, folder, site_key(state), made.lesson)


def _manifest(found: Shelved | None) -> Manifest:
    assert found is not None  # noqa: S101 - it was written and read back a moment ago
    assert found.manifest is not None  # noqa: S101 - likewise
    return found.manifest
