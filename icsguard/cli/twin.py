"""`icsguard twin`: what the model of a process knows and may forget; the fit after a review of the points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from icsguard.cli.engineer import engineer
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.extras import needed
from icsguard.cli.handing_over import hand_over
from icsguard.cli.limits import limits
from icsguard.cli.sandbox import try_out
from icsguard.cli.unlearn import unlearn

if TYPE_CHECKING:
    from icsguard.config.settings import Conduit, Settings
    from icsguard.core.point import Point
    from icsguard.learn.succession import Succession
    from icsguard.learn.traffic import Traffic

app = typer.Typer(help="The twin of a conduit's process.", no_args_is_help=True, rich_markup_mode=None)
app.command("try", epilog="Example: icsguard twin try plc1 --write speed=80 --hold-last")(try_out)
app.command(epilog='Example: icsguard twin unlearn plc1 2026-11-18T02:00 2026-11-18T06:00 -r "intrusion"')(unlearn)
app.command(epilog="Example: icsguard twin limits plc1")(limits)
app.command(epilog='Example: icsguard twin engineer plc1 plant.fmu -r "model of the supplier"')(engineer)


def fit_twin(
    settings: Settings,
    conduit: Conduit,
    traffic: Traffic,
    progress: Callable[[float, str], None],
    before: Sequence[Point] = (),
) -> str:
    """Fit the twin of the conduit's own points and put it where it belongs; return what came of it. Raises CliError.

    `before`: the points before they were reviewed.
    """
    with needed("learn", "scapy", "onnx"):
        from icsguard.learn.fit import NothingToLearnError
        from icsguard.learn.golden import NothingToJudgeError
        from icsguard.learn.succession import succeed

    try:
        found = succeed(settings, conduit, traffic.transactions, before, progress)
    except (NothingToLearnError, NothingToJudgeError) as error:
        raise CliError(str(error)) from error
    except PermissionError as error:
        text = f"{error.filename} may not be written by this user"
        raise CliError(text, hint="use sudo", code=ExitCode.PERMISSION) from error
    except OSError as error:
        raise CliError(f"the twin cannot be written: {error}") from error
    hand_over(Path(settings.gateway.state_dir), Path(settings.shadow.models_dir))
    return said(found, conduit.name)


def said(found: Succession, conduit: str) -> str:
    """Return what became of a model, in a line."""
    worth = found.manifest.note or f"{found.manifest.rows} rows of {len(found.manifest.features)} points"
    if found.ruling is None:
        return f"{worth} (the first model of {conduit})"
    if found.ruling.may_promote:
        return f"{worth} (promoted by rule; back: icsguard models rollback {conduit} -r ...)"
    broken = "; ".join(f"{rule.text}: {rule.measured}" for rule in found.ruling.rules if not rule.held)
    return f"{worth} (a challenger, the champion stays: {broken}; later: icsguard models promote {conduit} -r ...)"


def is_fitted_to(settings: Settings, conduit: Conduit) -> bool:
    """Say whether the conduit's twin was fitted to the very points that are in force: then a review changed none."""
    from icsguard.inference.api import ModelRefusedError
    from icsguard.inference.manifest import decode
    from icsguard.runtime.model_store import MANIFEST
    from icsguard.twin.site_model import points_digest

    try:
        card = decode((Path(settings.shadow.models_dir) / conduit.name / MANIFEST).read_bytes())
    except (OSError, ModelRefusedError):
        return False
    return card.feature_digest == points_digest(conduit.policy.points)
