"""Build the compiled core: the per-frame modules of icsguard as C extensions, made by mypyc, and the sockets' hot path.

Run by ``make compiled``, and by an installation with ICSGUARD_COMPILE=1. The folder (default ``build/compiled``) holds
extensions only, and the digest of the sources they were made from: runtime/compiled.py takes them into use where it is
that of the sources beside it, so no stale extension can hide a changed source. Needs a C compiler and setuptools
beside mypy; takes one to three minutes.
"""

import argparse
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / "build" / "compiled"
PACKAGES = ("conversation", "policy", "protocols/modbus")
MODULES = tuple(f"runtime/{name}.py" for name in ("clock", "link", "listener", "mirror", "modbus_shell"))
"""What of the shell is called for each frame."""
IN_C = ("runtime/_wire", "runtime/_quick")
"""What is written in C: sockets, and how Python's tuples are made; no protocol."""
LEFT_OUT = {
    "__init__.py",  # nothing but a docstring
    "conversation/api.py",  # protocols and dataclasses that others construct and match on
    "conversation/options.py",  # a protocol, and a frozen dataclass that is subclassed outside
    "policy/rules.py",  # frozen dataclasses that pydantic and msgspec fill
    "policy/techniques.py",  # constants
    "protocols/modbus/support.py",  # writes a reference page
}


OPEN = {
    "conversation/asking.py": ("Asking",),
    "conversation/course.py": ("Course",),
    "conversation/guard.py": ("Guard",),
    "runtime/listener.py": ("Listener",),
    "runtime/modbus_shell.py": ("ClientEnd", "DeviceEnd"),
}
"""Classes that Python code subclasses: OPC UA's requests, what follows them, its guard, its shells and the pool's."""
MARK = "@mypyc_attr(allow_interpreted_subclasses=True)"
IMPORT = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mypy_extensions import mypyc_attr\n"


def modules() -> list[str]:
    """Return the sources that are compiled, relative to the checkout."""
    found = [path for package in PACKAGES for path in sorted((ROOT / "icsguard" / package).glob("*.py"))]
    inside = [str(path.relative_to(ROOT / "icsguard")) for path in found if path.name not in LEFT_OUT]
    return [f"icsguard/{path}" for path in (*inside, *MODULES) if path not in LEFT_OUT]


def build(place: Path) -> int:
    """Compile the core into the folder `place`, which appears whole or not at all; return how many extensions."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
        tree, fresh = Path(scratch) / "tree", Path(scratch) / "core"
        shutil.copytree(ROOT / "icsguard", tree / "icsguard", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        made_from = digest(tree / "icsguard")
        open_up(tree / "icsguard")
        name_members(tree)
        compile_in(tree)
        for extension in (*tree.glob("*.so"), *(tree / "icsguard").rglob("*.so")):
            target = fresh / extension.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(extension, target)
        (fresh / "core.json").write_text(json.dumps({"sources": made_from}) + "\n")
        shutil.rmtree(place, ignore_errors=True)
        fresh.rename(place)
    return len(list(place.rglob("*.so")))


def digest(package: Path) -> str:
    """Return the digest of sources as the gateway computes it; by the file, because nothing need be installed here."""
    sys.path.insert(0, str(ROOT))
    from icsguard.runtime import compiled  # noqa: PLC0415 - from this checkout, and only for this

    return compiled.digest(package)


def fits(place: Path) -> bool:
    """Say whether the core in `place` was made from these sources."""
    with contextlib.suppress(OSError, ValueError):
        manifest = json.loads((place / "core.json").read_text())
        return bool(manifest["sources"] == digest(ROOT / "icsguard"))
    return False


def open_up(package: Path) -> None:
    """Mark the classes in OPEN for the compiler; the sources do not, it would be one more thing to install."""
    for name, kinds in OPEN.items():
        path = package / name
        head, future, body = path.read_text().partition("from __future__ import annotations\n")
        body, count = re.subn(rf"^(?=class ({'|'.join(kinds)})\b)", f"{MARK}\n", body, flags=re.MULTILINE)
        if not future or count != len(kinds):
            raise ValueError(f"{name} lacks a class of {', '.join(kinds)} as it is looked for")
        path.write_text(f"{head}{future}{IMPORT}{body}")


def name_members(tree: Path) -> None:
    """Give enumerations' members that functions name variables of their own: see enum_names."""
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    from enum_names import enumerations, rewritten  # noqa: PLC0415 - beside this file, and only for this

    names = enumerations(tree / "icsguard")
    for module in modules():
        path = tree / module
        path.write_text(rewritten(path.read_text(), names))


def compile_in(tree: Path) -> None:
    """Put a C extension beside each module of the core in ``tree``."""
    from mypyc.build import mypycify  # noqa: PLC0415 - a run that only asks for help needs no compiler
    from setuptools import Extension, setup  # noqa: PLC0415 - likewise

    with contextlib.chdir(tree), contextlib.redirect_stdout(sys.stderr):
        extensions = mypycify(
            ["--config-file=", *modules()], group_name="icsguard_core", opt_level="2", debug_level="0"
        )
        extensions += [Extension(f"icsguard.{name.replace('/', '.')}", [f"icsguard/{name}.c"]) for name in IN_C]
        command = ["--quiet", "build_ext", "--inplace", "--parallel", str(min(2, os.cpu_count() or 1))]
        setup(name="icsguard-core", packages=[], ext_modules=extensions, script_args=command)


def main(argv: Sequence[str] | None = None) -> int:
    """Build the core; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=DEFAULT, help="folder of the core (default build/compiled)")
    parser.add_argument("--if-needed", action="store_true", help="do nothing where it fits these sources already")
    options = parser.parse_args(argv)
    place = options.into.resolve()
    if options.if_needed and fits(place):
        print(f"{place}: made from these sources already")
        return 0
    try:
        count = build(place)
    except ImportError as error:
        print(f"compile_core: {error.name} is missing: pip install mypy setuptools", file=sys.stderr)
        return 2
    print(f"{place}: {count} extensions; `icsguard run` takes them into use, ICSGUARD_CORE=python does not")
    return 0


if __name__ == "__main__":
    sys.exit(main())
