"""Child process that compiles the configuration: `python -m icsguard.runtime.compile_config CONFIG`.

The gateway starts and reloads through it, so that the checks, pydantic and a policy of any size cost its event loop
nothing. Exit status 0: msgpack of `Settings` on standard output. Exit status 1: no settings. Every problem and warning
is one line on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from icsguard.config.problem import MAX_SHOWN
from icsguard.runtime.files import check_config


def main(arguments: Sequence[str]) -> int:
    """Compile the file that is named; return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m icsguard.runtime.compile_config CONFIG\n")
        return 2
    settings, problems = check_config(Path(arguments[0]))
    sys.stderr.writelines(f"{problem}\n" for problem in problems[:MAX_SHOWN])
    if len(problems) > MAX_SHOWN:
        sys.stderr.write(f"and {len(problems) - MAX_SHOWN} more\n")
    if settings is None:
        return 1
    sys.stdout.buffer.write(msgspec.msgpack.encode(settings))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
