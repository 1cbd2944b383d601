"""The compiled parts: load generator, fake device, relay. C11 without dependencies, built when a source is newer."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parent / "c"
OUTPUT: Final = Path(__file__).parent.parent / "build" / "bench"
PROGRAMS: Final = {
    "load": ("load.c", "options.c", "outcome.c", "mix.c", "histogram.c", "usage.c", "common.c"),
    "device": ("device.c", "tables.c", "common.c"),
    "relay": ("relay.c", "common.c"),
}
FLAGS: Final = ("-std=c11", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Wconversion", "-Werror")


class NoCompilerError(Exception):
    """There is no C compiler, or it refuses our sources; the text says what to do."""


def compiler() -> str:
    """Return the C compiler to use: $CC, else cc. Raises NoCompilerError."""
    name = os.environ.get("CC", "cc")
    if shutil.which(name) is None:
        raise NoCompilerError(f"no C compiler ({name}): apt install gcc libc6-dev, or set CC")
    return name


def build(output: Path = OUTPUT) -> Path:
    """Compile what is out of date into `output` and return it. Raises NoCompilerError."""
    output.mkdir(parents=True, exist_ok=True)
    newest_header = max(header.stat().st_mtime for header in SOURCES.glob("*.h"))
    for program, names in PROGRAMS.items():
        sources = [SOURCES / name for name in names]
        newest = max(newest_header, *(source.stat().st_mtime for source in sources))
        target = output / program
        if not target.exists() or target.stat().st_mtime < newest:
            _compile(target, sources)
    return output


def _compile(target: Path, sources: list[Path]) -> None:
    fresh = target.with_suffix(f".{os.getpid()}")  # two builds at a time never see half a program
    command = [compiler(), *FLAGS, *map(str, sources), "-lm", "-o", str(fresh)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoCompilerError(f"{target.name} does not compile:\n{done.stderr}")
    fresh.replace(target)
