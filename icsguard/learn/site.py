"""Everything that learning does for one conduit: proposed files for the human, a fitted twin for the shadow.

The proposal says what may be done; the twin what the process does. Neither takes effect by itself: everything lies in
one folder until a human has read it and puts it in place (`icsguard learn CONDUIT --accept`).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from icsguard.config.load import check_file
from icsguard.config.problem import Problem
from icsguard.config.settings import Conduit, Settings
from icsguard.inference.api import ModelRefusedError
from icsguard.learn.operations import Sibling
from icsguard.learn.proposal_text import points_text, policy_text
from icsguard.learn.propose import LearnOptions, Proposal, propose
from icsguard.learn.traffic import Traffic, learnable
from icsguard.runtime.files import shipped_rules
from icsguard.runtime.places import ShippedDataMissingError, models_dir

Progress = Callable[[float, str], None]
"""Told how far it is (0 to 1) and what is being done."""
PROPOSED: Final = 0.1
"""Share of the work that the proposal is; the rest is fitting."""
MODELS: Final = "models"
"""Folder of the twin inside a proposal."""
MODE: Final = 0o640


class LearnError(Exception):
    """Nothing was learned or written; the message is one line for the operator, with what to type."""


@dataclass(frozen=True, slots=True)
class LearnReport:
    """What was learned and where it lies."""

    conduit: str
    proposal: Proposal
    policy_file: str
    points_file: str
    problems: tuple[Problem, ...]
    """What the check of a policy says of the proposal; empty when all is well."""
    model_dir: str
    """Where the twin lies; empty where none was fitted."""
    twin_note: str
    """How good the twin is, or why there is none."""
    metrics: dict[str, float]
    """Of the twin, by name."""


def _silent(_share: float, _text: str) -> None:
    """Tell nobody."""


def learn_conduit(  # noqa: PLR0913 - what is known, what to learn from, where to put it, how
    settings: Settings,
    conduit: Conduit,
    traffic: Traffic,
    out_dir: Path,
    progress: Progress = _silent,
    *,
    options: LearnOptions | None = None,
    overwrite: bool = False,
    model_dir: Path | None = None,
) -> LearnReport:
    """Write `<conduit>.policy.toml`, `<conduit>.points.csv` and the folder `models` to `out_dir`.

    `model_dir` puts the twin elsewhere, for example where the running shadow looks for it.
    Raises LearnError where there is nothing to learn from, or a file stands in the way and `overwrite` is not said.
    """
    progress(0.0, "looking at who asks what")
    proposal = propose(traffic, conduit.name, conduit.policy, options, siblings_of(settings, conduit.name))
    if not proposal.requests:
        raise LearnError(
            f"the traffic of {conduit.name} holds no request that was answered as asked: let its clients work through "
            f"icsguard in mode learn, or type: icsguard learn {conduit.name} --from CAPTURE.pcap"
        )
    policy_file, points_file = out_dir / f"{conduit.name}.policy.toml", out_dir / f"{conduit.name}.points.csv"
    policy, points = policy_text(proposal), points_text(proposal.points)
    _write(((policy_file, policy), (points_file, points)), overwrite=overwrite)
    files = {policy_file.name: policy, points_file.name: points, **shipped_rules()}
    _, problems = check_file(files, policy_file.name, points_file.name)
    progress(PROPOSED, "fitting the twin")
    known = tuple(enriched.point for enriched in proposal.points)
    folder = model_dir or out_dir / MODELS
    has_twin, note, metrics = _fit(
        settings,
        replace(conduit, policy=replace(conduit.policy, points=known)),
        traffic,
        folder,
        lambda share, text: progress(PROPOSED + (1 - PROPOSED) * share, text),
    )
    progress(1.0, "done")
    return LearnReport(
        conduit.name,
        proposal,
        str(policy_file),
        str(points_file),
        problems,
        str(folder) if has_twin else "",
        note,
        metrics,
    )


def siblings_of(settings: Settings, conduit: str) -> list[Sibling]:
    """Return the other Modbus conduits with the policies that are in force there."""
    others = [one for one in settings.conduits if one.name != conduit and one.opcua is None]
    return [Sibling(one.name, one.policy) for one in others if one.policy.rules]


def _write(files: tuple[tuple[Path, str], ...], *, overwrite: bool) -> None:
    """Put all files in place, each whole; none of them where one stands in the way."""
    for path, text in files:
        if path.exists() and not overwrite and path.read_text(encoding="utf-8", errors="replace") != text:
            raise LearnError(f"{path} exists and says something else; read it, then type the same with --force")
    try:
        for path, text in files:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            fresh = path.with_name(f"{path.name}.new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, MODE), "w", encoding="utf-8") as out:
                out.write(text)
            fresh.replace(path)
    except OSError as error:
        raise LearnError(f"{error.filename or files[0][0]} can not be written: {error.strerror}") from error


def _fit(
    settings: Settings, conduit: Conduit, traffic: Traffic, folder: Path, progress: Progress
) -> tuple[bool, str, dict[str, float]]:
    """Fit and export the twin to `folder`; return whether there is one, a note and its metrics."""
    from icsguard.learn.export import export, site_key  # noqa: PLC0415 - a proposal alone needs no numpy
    from icsguard.learn.fit import NothingToLearnError  # noqa: PLC0415 - likewise
    from icsguard.learn.teach import teach, teaching_of  # noqa: PLC0415 - likewise
    from icsguard.runtime.model_store import ModelStore  # noqa: PLC0415 - likewise

    try:
        flow_model = ModelStore().flow(models_dir())
    except (ModelRefusedError, ShippedDataMissingError, OSError):
        flow_model = None  # the shadow says so too; a twin is possible without it
    examples = [one._replace(conduit=conduit.name) for one in learnable(traffic.transactions, Counter())]
    try:
        made = teach(examples, conduit, teaching_of(settings.shadow), flow_model=flow_model, progress=progress)
        manifest = export(made.fitted, folder, site_key(Path(settings.gateway.state_dir)), made.lesson)
    except NothingToLearnError as error:
        return False, str(error), {}
    except OSError as error:
        raise LearnError(f"the twin can not be written: {error}") from error
    return True, manifest.note or f"{manifest.rows} rows of {len(manifest.features)} points", manifest.metrics
