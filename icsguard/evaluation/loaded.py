"""Recorded process data of others, read by the loaders that lie beside them. Never part of the project.

The folder is ICSGUARD_DATA, or `../shared/data` beside the checkout. Where it is absent, sets are left out with a word.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

import numpy as np

from icsguard.evaluation.metrics import Flags
from icsguard.inference.api import Array

VARIABLE: Final = "ICSGUARD_DATA"
_LOADERS: Final = "loaders.py"


class DataMissingError(Exception):
    """The recorded sets are not on this machine; the text says where they were looked for."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One table of a process."""

    name: str
    tags: tuple[str, ...]
    values: Array
    label: Flags
    """True where attacked or faulty."""

    def part(self, first: int, last: int) -> Recording:
        """Return rows `first` to `last` (excluded)."""
        return Recording(self.name, self.tags, self.values[first:last], self.label[first:last])


def folder() -> Path:
    """Return where the data lie; raise DataMissingError."""
    beside = Path(__file__).resolve().parents[2].parent / "shared" / "data"
    found = Path(os.environ.get(VARIABLE, beside))
    if not (found / _LOADERS).is_file():
        raise DataMissingError(f"no recorded data at {found}: set {VARIABLE} to the folder that holds {_LOADERS}")
    return found


def loaders() -> ModuleType:
    """Return the module that reads the sets; raise DataMissingError."""
    name = "icsguard_data_loaders"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, folder() / _LOADERS)
    if spec is None or spec.loader is None:
        raise DataMissingError(f"{folder() / _LOADERS} is not Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # its dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


def process(function: str, *arguments: str, decimals: int | None = None) -> Recording:
    """Return one table, rounded as the wire rounds where `decimals` says so."""
    table = getattr(loaders(), function)(*arguments)
    values = np.asarray(table.values, dtype=np.float64)
    values = values.round(decimals) if decimals is not None else values
    return Recording(str(table.name), tuple(str(tag) for tag in table.tags), values, np.asarray(table.label) == 1)


def digest(values: Array) -> str:
    """Return the first 12 hex digits of the data's SHA-256: named beside every result."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:12]
