"""What `icsguard models` shows: cards of models, what a trial gave, and a promotion's rules with their verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from icsguard.cli import show, talk
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.policy import chosen_conduit
from icsguard.cli.show import Cell
from icsguard.control.replies import Status
from icsguard.control.requests import GetStatus

if TYPE_CHECKING:
    from icsguard.config.settings import Settings
    from icsguard.detect.promotion import LiveRun, Ruling, Trial
    from icsguard.learn.challenge import TrialFile
    from icsguard.runtime.model_shelf import Shelf, Shelved

COLUMNS: Final = ("CONDUIT", "ROLE", "DIGEST", "POINTS", "ROWS", "ALARMS/DAY", "STATE")
RULES: Final = ("RULE", "WANTED", "MEASURED", "HOLDS")
TRIAL: Final = ("MODEL", "DIGEST", "ATTACKS FOUND", "BY KIND", "FALSE ALARMS", "WRITES HELD")
_BOUND: Final = "false_alarms_per_day_bound"


def shelf(settings: Settings, conduit: str) -> Shelf:
    """Return a conduit's models. Raises CliError where there is no such conduit."""
    from icsguard.runtime.model_shelf import Shelf
    from icsguard.runtime.model_store import PUBLIC_KEY

    chosen_conduit(settings.conduits, conduit)
    return Shelf(Path(settings.shadow.models_dir) / conduit, Path(settings.gateway.state_dir) / PUBLIC_KEY)


def row(conduit: str, one: Shelved) -> list[str | Cell]:
    """Return one model for the table."""
    card = one.manifest
    if card is None:
        return [conduit, one.role.value, one.digest, "-", "-", "-", Cell(f"refused: {one.refused}", "red")]
    bound = card.metrics.get(_BOUND)
    return [
        conduit,
        one.role.value,
        one.digest,
        str(len(card.features)),
        str(card.rows),
        "-" if bound is None else f"<= {bound:g}",
        "signed by this site",
    ]


def described(conduit: str, one: Shelved) -> dict[str, object]:
    """Return a model's card with its place."""
    head: dict[str, object] = {"conduit": conduit, "role": one.role.value, "digest": one.digest}
    if one.manifest is None:
        return {**head, "refused": one.refused}
    card = msgspec.to_builtins(one.manifest)
    return {**head, **{name: card[name] for name in card if name not in {"mean", "scale", "inputs", "outputs"}}}


def show_trial(trial: TrialFile, *, as_json: bool) -> None:
    """Show what both models did on the same recording."""
    if as_json:
        show.as_json(trial)
        return
    rows: list[list[str | Cell]] = [
        ["champion", trial.champion, *_trial_row(trial.champion_trial)],
        ["challenger", trial.challenger, *_trial_row(trial.challenger_trial)],
    ]
    show.table(TRIAL, rows)


def _trial_row(one: Trial) -> list[str]:
    kinds = ", ".join(f"{kind} {found}/{count}" for kind, (found, count) in sorted(one.kinds.items()))
    return [
        f"{one.found} of {one.attacks}",
        kinds,
        f"{one.false_alarms} in {one.clean_hours:.2g} h",
        f"{one.holds} of {one.writes} writes",
    ]


def ruling(settings: Settings, conduit: str, config: Path, *, without_live_run: bool) -> Ruling:
    """Return the rules of a promotion with their verdicts. Raises CliError where there is nothing to judge."""
    from icsguard.detect.promotion import LIVE_HOURS, judge
    from icsguard.inference.api import ModelRefusedError
    from icsguard.learn.challenge import candidates, read_trial
    from icsguard.runtime.model_store import PUBLIC_KEY
    from icsguard.twin.site_model import points_digest

    found = shelf(settings, conduit)
    if found.challenger is None:
        raise CliError(f"conduit {conduit} has no challenger", hint=f"icsguard models challenge {conduit}")
    trial = read_trial(found, Path(settings.gateway.state_dir) / PUBLIC_KEY)
    if trial is None:
        text = f"there is no trial of {conduit}'s challenger beside its present champion"
        raise CliError(text, hint=f"icsguard models challenge {conduit}")
    try:
        champion, challenger = candidates(found, trial)
    except (ModelRefusedError, OSError) as error:
        raise CliError(f"the models of {conduit} cannot be compared: {error}") from error
    live = None if without_live_run else live_run(conduit, trial.challenger, config)
    present = points_digest(chosen_conduit(settings.conduits, conduit).policy.points)
    is_reviewed = champion.model.points_digest != present == challenger.model.points_digest
    hours = 0.0 if without_live_run else LIVE_HOURS
    return judge(champion, challenger, live, hours=hours, has_new_points=is_reviewed)


def live_run(conduit: str, challenger: str, config: Path) -> LiveRun | None:
    """Return how the challenger did on live traffic, as the running shadow counts; None where it did not run."""
    from icsguard.detect.promotion import LiveRun

    try:
        status = talk.answer(GetStatus(), Status, config)
    except CliError as error:
        if error.code is ExitCode.NOT_RUNNING:
            return None
        raise
    facts = next((part.facts for part in status.parts if part.role == "shadow"), {})
    head = f"{conduit}.challenger"
    if facts.get(head) != challenger:
        return None
    names = ("alarms_champion", "alarms", "holds_champion", "holds")
    counts = [int(facts.get(f"{head}_{name}", 0)) for name in names]
    return LiveRun(float(facts.get(f"{head}_hours", 0.0)), *counts)


def show_ruling(found: Ruling, *, as_json: bool) -> None:
    """Show every rule."""
    if as_json:
        show.as_json({"may_promote": found.may_promote, "rules": found.rules})
        return
    rows: list[list[str | Cell]] = [
        [one.text, one.wanted, one.measured, Cell("yes" if one.held else "NO", "" if one.held else "red")]
        for one in found.rules
    ]
    show.table(RULES, rows)
