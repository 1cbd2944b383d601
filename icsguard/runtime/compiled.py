"""Which core a process runs: the per-frame modules as C extensions where they were built, else as they are written.

`make compiled` (or an installation with ICSGUARD_COMPILE=1) leaves the extensions in a folder of their own, with the
digest of the sources they were made from. The gateway calls `choose` before anything of the core is imported; where the
digest is not that of the present sources, or the extensions do not load, the Python that they were made from runs, and
`icsguard status`, `version` and `doctor` say why. Nothing is ever loaded from beside the sources.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Final, NamedTuple

MANIFEST: Final = "core.json"
VARIABLE: Final = "ICSGUARD_CORE"
"""`python` for the core as it is written, or a folder of extensions; unset: what is installed."""
LIBRARY: Final = "icsguard_core__mypyc"
"""The extension that holds the compiled modules; the others only name them."""
PACKAGES: Final = ("core", "conversation", "policy", "protocols", "config", "control", "runtime")
"""What the digest covers: what is compiled, and what it takes names and constants from."""
REPLACED: Final = ("conversation", "policy", "protocols.modbus", "runtime")
"""Packages that have compiled modules."""
_PACKAGE: Final = Path(__file__).resolve().parent.parent


class Core(NamedTuple):
    """The core of a process, or the one that a gateway started now would have."""

    is_compiled: bool
    why: str
    """Where it lies, or why it is Python's."""

    @property
    def name(self) -> str:
        """Say which it is in a word."""
        return "compiled" if self.is_compiled else "Python"


PYTHON: Final = "as it is written"
_chosen: list[Core] = []
"""What this process runs, once it has chosen."""


def digest(package: Path = _PACKAGE) -> str:
    """Return the digest of the sources that a compiled core must have been made from. Raises OSError."""
    found = hashlib.sha256(str(sysconfig.get_config_var("SOABI")).encode())
    for name in PACKAGES:
        for path in sorted((package / name).rglob("*")):
            if path.suffix in {".py", ".c"}:
                found.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes() + b"\0")
    return found.hexdigest()


def folder(package: Path = _PACKAGE) -> Path:
    """Return where the extensions of this installation lie, if they were built."""
    named = os.environ.get(VARIABLE, "")
    if named and named != "python":
        return Path(named)
    installed = package / "_core"
    in_checkout = package.parent / "build" / "compiled"
    is_checkout = (package.parent / "pyproject.toml").is_file()
    return in_checkout if is_checkout and not installed.is_dir() else installed


def find(package: Path = _PACKAGE) -> Core:
    """Say which core a gateway started now would run."""
    if os.environ.get(VARIABLE) == "python":
        return Core(is_compiled=False, why=f"{VARIABLE}=python")
    place = folder(package)
    try:
        manifest = json.loads((place / MANIFEST).read_bytes())
        made_from = manifest["sources"]
    except FileNotFoundError:
        return Core(is_compiled=False, why="no compiled core was built; `make compiled` builds it")
    except (OSError, ValueError, KeyError, TypeError):
        return Core(is_compiled=False, why=f"{place / MANIFEST} cannot be read; `make compiled` builds it anew")
    if made_from != digest(package):
        text = f"the compiled core in {place} was made from other sources; `make compiled` builds it anew"
        return Core(is_compiled=False, why=text)
    return Core(is_compiled=True, why=str(place))


def choose() -> Core:
    """Have this process run the compiled core where there is one that fits; called before the core is imported."""
    if not _chosen:
        core = find()
        _chosen.append(_load(Path(core.why)) if core.is_compiled else core)
    return _chosen[0]


def quicken() -> int:
    """Have the NamedTuples that are loaded by now made in C, where the core has that; return how many classes are."""
    try:
        from icsguard.runtime import _quick  # noqa: PLC0415 - optional: part of the compiled core
    except ImportError:
        return 0
    ours = [kind for kind in tuple.__subclasses__() if kind.__module__.startswith("icsguard.")]
    return sum(_quick.quicken(kind) for kind in ours if hasattr(kind, "_fields"))


def running() -> Core:
    """Return the core that this process runs."""
    return _chosen[0] if _chosen else Core(is_compiled=False, why=PYTHON)


def _load(place: Path) -> Core:
    """Put the extensions before the sources of the same names; Python's core where they do not load."""
    sys.path.append(str(place))
    try:
        importlib.import_module(LIBRARY)
    except ImportError as error:
        sys.path.remove(str(place))
        return Core(is_compiled=False, why=f"the compiled core in {place} does not load: {error}")
    for name in REPLACED:
        package = importlib.import_module(f"icsguard.{name}")
        package.__path__.insert(0, str(place.joinpath("icsguard", *name.split("."))))
    return Core(is_compiled=True, why=str(place))
