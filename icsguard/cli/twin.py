"""`icsguard twin`: what the model of a process knows and may forget; the fit after a review of the points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
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
    from icsguard.learn.traffic import Traffic

app = typer.Typer(help="The twin of a conduit's process.", no_args_is_help=True, rich_markup_mode=None)
app.command("try", epilog="Example: icsguard twin try plc1 --write speed=80 --hold-last")(try_out)
app.command(epilog='Example: icsguard twin unlearn plc1 2026-11-18T02:00 2026-11-18T06:00 -r "intrusion"')(unlearn)
app.command(epilog="Example: icsguard twin limits plc1")(limits)
app.command(epilog='Example: icsguard twin engineer plc1 plant.fmu -r "model of the supplier"')(engineer)


def fit_twin(settings: Settings, conduit: Conduit, traffic: Traffic, progress: Callable[[float, str], None]) -> str:
    """Fit and write the twin of the conduit's own points; return what it is worth. Raises CliError."""
    with needed("learn", "scapy", "onnx"):
        from icsguard.learn.export import export, site_key
        from icsguard.learn.fit import NothingToLearnError
        from icsguard.learn.teach import teach, teaching_of
        from icsguard.learn.traffic import learnable
        from icsguard.runtime.model_shelf import Shelf
        from icsguard.runtime.model_store import PUBLIC_KEY, ModelStore
        from icsguard.runtime.places import models_dir

    state, options = Path(settings.gateway.state_dir), settings.shadow
    examples = [one._replace(conduit=conduit.name) for one in learnable(traffic.transactions, Counter())]
    try:
        flow = ModelStore().flow(models_dir())
        made = teach(examples, conduit, teaching_of(options), flow_model=flow, progress=progress)
        folder = Path(options.models_dir) / conduit.name
        Shelf(folder, state / PUBLIC_KEY).keep()
        manifest = export(made.fitted, folder, site_key(state), made.lesson)
    except NothingToLearnError as error:
        raise CliError(str(error)) from error
    except PermissionError as error:
        text = f"{error.filename} may not be written by this user"
        raise CliError(text, hint="use sudo", code=ExitCode.PERMISSION) from error
    except OSError as error:
        raise CliError(f"the twin cannot be written: {error}") from error
    hand_over(state, Path(options.models_dir))
    return manifest.note or f"{manifest.rows} rows of {len(manifest.features)} points"


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
