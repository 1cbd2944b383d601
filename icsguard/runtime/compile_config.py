"""Child process that compiles the configuration: `python -m icsguard.runtime.compile_config CONFIG`.

The gateway starts and reloads through it, so that the checks, pydantic and a policy of any size cost its event loop
nothing. Exit status 0: the settings on standard output, as `pieces.cut` makes them; they are kept for the next start,
too. Exit status 1: no settings. Every problem and warning is one line on standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from icsguard.config.problem import MAX_SHOWN
from icsguard.runtime.files import check_gathered, gather
from icsguard.runtime.kept_settings import keep
from icsguard.runtime.pieces import cut


def main(arguments: Sequence[str]) -> int:
    """Compile the file that is named; return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m icsguard.runtime.compile_config CONFIG\n")
        return 2
    gathered = gather(Path(arguments[0]))
    settings, problems = check_gathered(gathered)
    lines = [str(problem) for problem in problems[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        lines.append(f"and {len(problems) - MAX_SHOWN} more")
    sys.stderr.writelines(f"{line}\n" for line in lines)
    if settings is None:
        return 1
    packed = msgspec.msgpack.encode(settings)
    sys.stdout.buffer.write(cut(settings, packed))
    sys.stdout.buffer.flush()
    keep(Path(arguments[0]), settings, packed, lines, gathered.sources)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
