"""Where an engineer's own model of a plant is found: a signed FMU beside the learnt one, or an installed class.

`<models>/<conduit>/plant.fmu` with `plant.fmu.sig`, or an entry point of the group `icsguard.twins` that has the
conduit's name. It serves the sandbox; how good its forecasts are nobody has measured, so it never holds or refuses.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from icsguard.inference.api import ModelRefusedError
from icsguard.runtime.fmu_unit import FmuUnit, checked
from icsguard.twin.api import Twin
from icsguard.twin.custom import GROUP, CustomTwin
from icsguard.twin.fmu import FmuTwin
from icsguard.twin.site_model import SiteModel

FMU: Final = "plant.fmu"


def engineering_twin(folder: Path, public_key: Path, model: SiteModel) -> Twin | None:
    """Return the engineer's twin of a conduit, None where there is none. Raises ModelRefusedError."""
    names = tuple(column.name for column in model.columns)
    path = folder / FMU
    try:
        if path.exists():
            return FmuTwin(names, FmuUnit(checked(path, public_key)), model.step_ns)
        for point in entry_points(group=GROUP, name=model.conduit):
            make = point.load()
            return CustomTwin(names, make(), make)
    except ModuleNotFoundError as error:
        text = f"the engineer's model needs the Python package {error.name}; type: pip install 'icsguard[fmi]'"
        raise ModelRefusedError("engineering", text) from error
    except ModelRefusedError:
        raise
    except Exception as error:  # somebody else's code, whatever it raises
        raise ModelRefusedError("engineering", f"the engineer's model cannot be used: {error!s:.200}") from error
    return None
