"""Loads a Functional Mock-up Unit and runs it by `fmpy` (extra `fmi`): FMI 2 and 3, co-simulation.

A unit is native code of an engineer: it runs in the shadow's process only when the site's key has signed the file, and
is unpacked into a folder of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError

MAX_FMU: Final = 64 << 20  # bytes; a plant model with its solver takes some MB. Beyond: refused
MAX_VARIABLES: Final = 10_000  # of a unit's description. Beyond: refused
_SIGNATURE: Final = 64


def checked(path: Path, public_key: Path) -> bytes:
    """Return the bytes of a unit that the site's key has signed (`NAME.fmu.sig`). Raises ModelRefusedError, OSError."""
    with path.open("rb") as stream:
        data = stream.read(MAX_FMU + 1)
    if len(data) > MAX_FMU:
        raise ModelRefusedError("fmu-size", f"{path} is larger than {MAX_FMU} bytes")
    with path.with_name(path.name + ".sig").open("rb") as stream:
        signature.check(public_key.read_bytes(), data, stream.read(_SIGNATURE))
    return data


class FmuUnit:
    """See `twin.fmu.Unit`."""

    def __init__(self, data: bytes) -> None:
        """Raises ModelRefusedError where the bytes are no unit that can be stepped, ImportError without fmpy."""
        import fmpy  # noqa: PLC0415 - an extra, and heavy
        from fmpy.simulation import instantiate_fmu  # noqa: PLC0415 - likewise

        self._folder = tempfile.TemporaryDirectory(prefix="icsguard-fmu-")
        try:
            file = Path(self._folder.name) / "plant.fmu"
            file.write_bytes(data)
            self._description: Any = fmpy.read_model_description(str(file))
            unpacked = fmpy.extract(str(file), unzipdir=str(Path(self._folder.name) / "unit"))
            _check(self._description)
            self._unit: Any = instantiate_fmu(unpacked, self._description, fmi_type="CoSimulation")
        except ModelRefusedError:
            self._folder.cleanup()
            raise
        except Exception as error:  # fmpy raises whatever a foreign file makes it raise
            self._folder.cleanup()
            raise ModelRefusedError("fmu-load", f"the unit cannot be loaded: {error!s:.200}") from error
        variables = [one for one in self._description.modelVariables if one.type in {"Real", "Float64"}]
        self._is_3 = str(self._description.fmiVersion).startswith("3")
        self._references = {one.name: one.valueReference for one in variables}
        self._starts = {one.name for one in variables if one.start is not None}
        self.inputs = tuple(one.name for one in variables if one.causality == "input")
        self.outputs = tuple(one.name for one in variables if one.causality == "output")
        self._time = 0.0
        self._begin({})

    def reset(self, values: Mapping[str, float]) -> None:
        """Begin anew; variables of these names that have a start value get theirs."""
        self._unit.reset()
        self._begin(values)

    def step(self, inputs: Mapping[str, float], seconds: float) -> Mapping[str, float]:
        """Let time pass with these inputs; return the outputs."""
        try:
            self._set(inputs)
            self._unit.doStep(currentCommunicationPoint=self._time, communicationStepSize=seconds)
            self._time += seconds
            references = [self._references[name] for name in self.outputs]
            found = self._unit.getFloat64(references) if self._is_3 else self._unit.getReal(references)
        except Exception as error:  # likewise
            raise ValueError(f"the unit failed in a step: {error!s:.200}") from error
        return dict(zip(self.outputs, cast("list[float]", list(found)), strict=True))

    def save(self) -> object:
        """Return the unit's inner state."""
        return (self._unit.getFMUState() if self._is_3 else self._unit.getFMUstate()), self._time

    def load(self, state: object) -> None:
        """Go back to a saved state, which is then gone."""
        inner, self._time = cast("tuple[Any, float]", state)
        if self._is_3:
            self._unit.setFMUState(inner)
            self._unit.freeFMUState(inner)
        else:
            self._unit.setFMUstate(inner)
            self._unit.freeFMUstate(inner)

    def close(self) -> None:
        """End the unit and delete what was unpacked."""
        self._unit.terminate()
        self._unit.freeInstance()
        self._folder.cleanup()

    def _begin(self, values: Mapping[str, float]) -> None:
        self._time = 0.0
        if self._is_3:
            self._unit.enterInitializationMode(startTime=0.0)
        else:
            self._unit.setupExperiment(startTime=0.0)
            self._unit.enterInitializationMode()
        self._set({name: value for name, value in values.items() if name in self._starts})
        self._unit.exitInitializationMode()

    def _set(self, values: Mapping[str, float]) -> None:
        if not values:
            return
        references = [self._references[name] for name in values]
        (self._unit.setFloat64 if self._is_3 else self._unit.setReal)(references, list(values.values()))


def _check(description: Any) -> None:  # noqa: ANN401 - fmpy is not typed
    simulation = description.coSimulation
    if simulation is None or len(description.modelVariables) > MAX_VARIABLES:
        raise ModelRefusedError("fmu-kind", "the unit is not one for co-simulation, or has too many variables")
    if not getattr(simulation, "canGetAndSetFMUstate", None) and not getattr(simulation, "canGetAndSetFMUState", None):
        text = "the unit cannot go back to a saved state, so nothing could be tried in it without changing it"
        raise ModelRefusedError("fmu-state", text)
