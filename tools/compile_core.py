"""Build the compiled core: a second tree of icsguard whose per-frame modules are C extensions, made by mypyc.

Run by ``make compiled``. The tree (default ``build/compiled``) is a whole icsguard, used by having it first on the
path; the checkout itself stays pure Python, so that no stale extension can hide a changed source. Needs a C compiler
and setuptools beside mypy; takes one to three minutes.
"""

import argparse
import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEFAULT = ROOT / "build" / "compiled"
PACKAGES = ("conversation", "policy", "protocols/modbus")
LEFT_OUT = {
    "__init__.py",  # nothing but a docstring
    "conversation/api.py",  # protocols and dataclasses that others construct and match on
    "conversation/options.py",  # a protocol, and a frozen dataclass that is subclassed outside
    "policy/rules.py",  # frozen dataclasses that pydantic and msgspec fill
    "policy/techniques.py",  # constants
    "protocols/modbus/support.py",  # writes a reference page
}
BESIDE = ("rules", "models", "systemd", "pyproject.toml")
"""What a tree needs beside the package to be a checkout like this one: see runtime.places."""


def modules() -> list[str]:
    """Return the sources that are compiled, relative to the tree."""
    found = [path for package in PACKAGES for path in sorted((ROOT / "icsguard" / package).glob("*.py"))]
    inside = [str(path.relative_to(ROOT / "icsguard")) for path in found if path.name not in LEFT_OUT]
    return [f"icsguard/{path}" for path in inside if path not in LEFT_OUT]


def build(tree: Path) -> None:
    """Copy the package to ``tree`` and compile the core there; the tree appears whole or not at all."""
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.parent) as scratch:
        fresh = Path(scratch) / "tree"
        shutil.copytree(ROOT / "icsguard", fresh / "icsguard", ignore=shutil.ignore_patterns("__pycache__"))
        compile_in(fresh)
        for name in BESIDE:
            (fresh / name).symlink_to(ROOT / name)
        shutil.rmtree(fresh / "build", ignore_errors=True)
        shutil.rmtree(tree, ignore_errors=True)
        fresh.rename(tree)


def compile_in(tree: Path) -> None:
    """Put a C extension beside each module of the core in ``tree``."""
    from mypyc.build import mypycify  # noqa: PLC0415 - a run that only asks for help needs no compiler
    from setuptools import setup  # noqa: PLC0415 - likewise

    with contextlib.chdir(tree), contextlib.redirect_stdout(sys.stderr):
        extensions = mypycify(
            ["--config-file=", *modules()], group_name="icsguard_core", opt_level="2", debug_level="0"
        )
        command = ["--quiet", "build_ext", "--inplace", "--parallel", str(min(2, os.cpu_count() or 1))]
        setup(name="icsguard-core", packages=[], ext_modules=extensions, script_args=command)


def main(argv: Sequence[str] | None = None) -> int:
    """Build the tree; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--into", type=Path, default=DEFAULT, help="folder of the tree (default build/compiled)")
    tree = parser.parse_args(argv).into.resolve()
    try:
        build(tree)
    except ImportError as error:
        print(f"compile_core: {error.name} is missing: pip install mypy setuptools", file=sys.stderr)
        return 2
    found = sorted((tree / "icsguard").rglob("*.so"))
    print(f"{tree}: {len(found)} modules compiled; use it by PYTHONSAFEPATH=1 PYTHONPATH={tree}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
