"""A challenger is made from part of the traffic and tried, beside the champion, on the part that neither needs.

The result is a signed file beside the challenger: a promotion reads it, checks that it speaks of the two models that
are there, and applies the rules of `detect.promotion`.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from icsguard.config.settings import Conduit, Settings
from icsguard.core.point import Point
from icsguard.core.transaction import Transaction
from icsguard.detect.flow_model import FlowModel
from icsguard.detect.promotion import Candidate, Trial
from icsguard.inference import manifest as cards
from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError
from icsguard.learn.export import export, site_key
from icsguard.learn.golden import attacks, play
from icsguard.learn.teach import teach, teaching_of
from icsguard.learn.traffic import learnable
from icsguard.runtime.model_shelf import TRIAL, Shelf
from icsguard.runtime.model_store import CHALLENGER, PUBLIC_KEY, SITE, ModelStore
from icsguard.runtime.places import ShippedDataMissingError, models_dir
from icsguard.runtime.shadow import options_of
from icsguard.runtime.whole_file import put
from icsguard.twin import site_model
from icsguard.twin.site_model import Site

TAUGHT: Final = 0.7
"""Share of the traffic that teaches the challenger; the rest judges both."""
MAX_TRIAL: Final = 1 << 20  # bytes of a trial file; it has some hundred
_SIGNATURE: Final = 64
_FITTING: Final = 0.6
Progress = Callable[[float, str], None]


class TrialFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What both models did on the same recording."""

    champion: str
    """First 12 hex digits of the manifests' SHA-256."""
    challenger: str
    data_digest: str
    champion_trial: Trial
    challenger_trial: Trial


def challenge(
    settings: Settings,
    conduit: Conduit,
    traffic: Sequence[Transaction],
    progress: Progress,
    champions_points: tuple[Point, ...] | None = None,
) -> TrialFile:
    """Fit a challenger, put it beside the champion and try both. `champions_points`: where they are other ones.

    Raises NothingToLearnError or NothingToJudgeError where the traffic is too little, ModelRefusedError where the
    champion may not be used, OSError.
    """
    folder, state = Path(settings.shadow.models_dir) / conduit.name, Path(settings.gateway.state_dir)
    store = ModelStore()
    champion = store.site(folder, state / PUBLIC_KEY)
    examples = [one._replace(conduit=conduit.name) for one in learnable(traffic, Counter())]
    cut = int(len(examples) * TAUGHT)
    flow = _flow(store)
    made = teach(
        examples[:cut],
        conduit,
        teaching_of(settings.shadow),
        flow_model=flow,
        progress=lambda share, text: progress(_FITTING * share, text),
    )
    fresh = folder / f"{CHALLENGER}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    export(made.fitted, fresh, site_key(state), made.lesson)
    challenger = store.site(fresh, state / PUBLIC_KEY)
    theirs = (champions_points or conduit.policy.points, conduit.policy.points)
    trial = _tried(settings, theirs, examples[cut:], (champion, challenger), flow, progress)
    _write(fresh, trial, site_key(state))
    shutil.rmtree(folder / CHALLENGER, ignore_errors=True)
    fresh.replace(folder / CHALLENGER)
    progress(1.0, "done")
    return trial


def _tried(
    settings: Settings,
    points: tuple[tuple[Point, ...], tuple[Point, ...]],
    recording: Sequence[Transaction],
    models: tuple[Site, Site],
    flow: FlowModel | None,
    progress: Progress,
) -> TrialFile:
    options, is_same = options_of(settings), points[0] == points[1]
    lies = attacks(recording, models[0].model)
    trials = []
    for number, site in enumerate(models):
        if number and not is_same:
            lies = attacks(recording, site.model)  # other points are lied about: as many, at much the same moments
        progress(_FITTING + (1 - _FITTING) * number / 2, f"trying {site.digest} on {len(lies)} attacks")
        trials.append(play(recording, site, points[number], flow, options, lies))
    text = b"".join(one.request + one.response for one in recording)
    return TrialFile(
        champion=models[0].digest,
        challenger=models[1].digest,
        data_digest=cards.digest(text),
        champion_trial=trials[0],
        challenger_trial=trials[1],
    )


def _flow(store: ModelStore) -> FlowModel | None:
    try:
        return store.flow(models_dir())
    except (ModelRefusedError, ShippedDataMissingError, OSError):
        return None  # the shadow says so too; both models are tried without it


def _write(folder: Path, trial: TrialFile, key: bytes) -> None:
    text = msgspec.json.encode(trial)
    put(folder / TRIAL, signature.sign(key, text) + text, 0o640)


def read_trial(shelf: Shelf, public_key: Path) -> TrialFile | None:
    """Return the trial of the challenger on the shelf; None where it has none that speaks of it and of the champion."""
    champion, challenger = shelf.champion, shelf.challenger
    if champion is None or challenger is None:
        return None
    try:
        with (challenger.folder / TRIAL).open("rb") as stream:
            data = stream.read(MAX_TRIAL)
        signature.check(public_key.read_bytes(), data[_SIGNATURE:], data[:_SIGNATURE])
        trial = msgspec.json.decode(data[_SIGNATURE:], type=TrialFile)
    except (OSError, ModelRefusedError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return trial if (trial.champion, trial.challenger) == (champion.digest, challenger.digest) else None


def candidates(shelf: Shelf, trial: TrialFile) -> tuple[Candidate, Candidate]:
    """Return champion and challenger with what they did. Raises ModelRefusedError or OSError."""
    folders = (shelf.folder, shelf.folder / CHALLENGER)
    models = [site_model.decode((folder / SITE).read_bytes()) for folder in folders]
    return Candidate(models[0], trial.champion_trial), Candidate(models[1], trial.challenger_trial)
