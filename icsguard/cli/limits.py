"""`icsguard twin limits`: what the twin of a conduit would not notice, point by point."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from icsguard.cli import settings_file, show
from icsguard.cli.exits import CliError
from icsguard.cli.options import Config, Json, config_path
from icsguard.cli.policy import chosen_conduit

if TYPE_CHECKING:
    from icsguard.config.settings import Settings
    from icsguard.detect.limits import Limit
    from icsguard.twin.site_model import Site

COLUMNS = ("POINT", "SUDDEN", "OF SPAN", "CREEPING", "OF SPAN ", "FROZEN AFTER")
NUMBERS = frozenset(COLUMNS[1:])


def limits(
    conduit: Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)],
    *,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show the largest deviation of each point that the twin would not notice at its present alarm budget."""
    settings = settings_file.loaded(config_path(config))
    chosen = chosen_conduit(settings.conduits, conduit)
    from icsguard.detect.limits import WITHIN, undetectable

    site = _site(settings, chosen.name)
    if site.scorer is None:
        raise CliError(f"the model of {conduit} cannot be run", hint=f"icsguard learn {conduit}")
    found, budget = undetectable(site.model, site.scorer), site.model.residuals.per_day
    step_s = site.model.step_ns / 1e9
    if as_json:
        show.as_json({"false_alarms_per_day": budget, "step_s": step_s, "points": [described(one) for one in found]})
        return
    units = {point.name: point.unit for point in chosen.policy.points}
    show.table(COLUMNS, [row(one, units.get(one.name, "")) for one in found], right=NUMBERS)
    show.line(
        f"at most {budget:.3g} false alarms a day; sudden: not found within {WITHIN} rows of {step_s:g} s; creeping: "
        "never found if it grows slowly enough; frozen: equal reads in a row; all of a settled plant"
    )


def row(one: Limit, unit: str) -> list[str]:
    """Return one point for the table."""
    texts = [one.name]
    for size in (one.sudden, one.creeping):
        texts += [f"{size:.3g} {unit}".rstrip(), f"{size / one.span:.1%}"] if isfinite(size) else ["any", "-"]
    return [*texts, f"{one.frozen_after} reads" if one.frozen_after else "never"]


def described(one: Limit) -> dict[str, str | float | int | None]:
    """Return one point for JSON; what has no limit is null."""
    facts = one._asdict()
    return {name: None if isinstance(fact, float) and not isfinite(fact) else fact for name, fact in facts.items()}


def _site(settings: Settings, conduit: str) -> Site:
    from icsguard.inference.api import ModelRefusedError
    from icsguard.runtime.model_store import PUBLIC_KEY, ModelStore

    folder = Path(settings.shadow.models_dir) / conduit
    try:
        return ModelStore().site(folder, Path(settings.gateway.state_dir) / PUBLIC_KEY)
    except FileNotFoundError as error:
        raise CliError(f"{conduit} has no twin", hint=f"icsguard learn {conduit}") from error
    except (ModelRefusedError, OSError) as error:
        raise CliError(f"the twin of {conduit} is not used: {error}", hint=f"icsguard learn {conduit}") from error
