"""The twin of a conduit fitted again to its points in force, after a human has reviewed them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.extras import needed

if TYPE_CHECKING:
    from icsguard.config.settings import Conduit, Settings
    from icsguard.learn.traffic import Traffic


def fit_twin(settings: Settings, conduit: Conduit, traffic: Traffic, progress: Callable[[float, str], None]) -> str:
    """Fit and write the twin of the conduit's own points; return what it is worth. Raises CliError."""
    with needed("learn", "scapy", "onnx"):
        from icsguard.learn.export import export, site_key
        from icsguard.learn.fit import NothingToLearnError, fit
        from icsguard.learn.traffic import learnable
        from icsguard.runtime.model_store import ModelStore
        from icsguard.runtime.places import models_dir

    state, options = Path(settings.gateway.state_dir), settings.shadow
    examples = [one._replace(conduit=conduit.name) for one in learnable(traffic.transactions, Counter())]
    try:
        fitted = fit(
            examples,
            conduit,
            horizon_s=options.horizon_s,
            window_s=options.score_every_s,
            alarms_per_day=options.alarms_per_day,
            flow_model=ModelStore().flow(models_dir()),
            progress=progress,
        )
        folder = Path(options.models_dir) / conduit.name
        manifest = export(fitted, folder, site_key(state))
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


def hand_over(state: Path, models: Path) -> None:
    """Where root learns, give models and keys to the user whose state folder it is: the shadow must read them."""
    if os.geteuid() != 0 or not state.exists():
        return
    owner = state.stat()
    for folder in (models, state / "keys"):
        for path in (folder, *folder.rglob("*")) if folder.exists() else ():
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
