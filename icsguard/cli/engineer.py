"""`icsguard twin engineer`: an engineer's own model (FMU) is signed by this site and put beside the learnt one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from icsguard.cli import settings_file, talk
from icsguard.cli.confirm import confirm
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.extras import needed
from icsguard.cli.handing_over import hand_over
from icsguard.cli.options import Config, Json, Reason, Yes, checked_reason, config_path
from icsguard.cli.policy import chosen_conduit
from icsguard.control.replies import Done


def engineer(
    conduit: Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)],
    file: Annotated[Path, typer.Argument(help="The unit (FMI 2 or 3, co-simulation).", show_default=False)],
    *,
    reason: Reason,
    yes: Yes = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Let the sandbox forecast with an engineer's FMU. It is native code: it will run in the shadow's process."""
    why, path = checked_reason(reason), config_path(config)
    settings = settings_file.loaded(path)
    chosen_conduit(settings.conduits, conduit)
    confirm(f"the native code in {file} will run in the shadow of {conduit}, with its rights", conduit, yes=yes)
    state, folder = Path(settings.gateway.state_dir), Path(settings.shadow.models_dir) / conduit
    with needed("fmi", "fmpy"), needed("learn", "onnx", "scapy"):
        from icsguard.inference import signature
        from icsguard.inference.api import ModelRefusedError
        from icsguard.learn.export import site_key
        from icsguard.runtime.engineering import FMU
        from icsguard.runtime.fmu_unit import FmuUnit
        from icsguard.runtime.whole_file import put

        try:
            data = file.read_bytes()
            unit = FmuUnit(data)
            told, said = ", ".join(unit.inputs), ", ".join(unit.outputs)
            unit.close()
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
            put(folder / FMU, data, 0o640)
            put(folder / f"{FMU}.sig", signature.sign(site_key(state), data), 0o640)
        except ModelRefusedError as error:
            raise CliError(str(error)) from error
        except PermissionError as error:
            text = f"{error.filename} may not be written by this user"
            raise CliError(text, hint="use sudo", code=ExitCode.PERMISSION) from error
        except OSError as error:
            raise CliError(f"{file} cannot be put in place: {error.strerror or error}") from error
    hand_over(state, Path(settings.shadow.models_dir))
    details = (f"it is told {told}", f"it says {said}", "it is used as soon as a model of the conduit is loaded")
    done = Done(text=f"the sandbox of {conduit} forecasts with {file.name}", undo=f"rm {folder / FMU}", details=details)
    talk.recorded(conduit, done, why, path, as_json=as_json)
