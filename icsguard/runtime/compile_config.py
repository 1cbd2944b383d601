"""Child process that compiles the configuration: `python -m icsguard.runtime.compile_config CONFIG`.

The gateway starts and reloads through it, so that the checks, pydantic and a policy of any size cost its event loop
nothing. It writes msgpack of `Settings` to standard output and exits 0, or of `Problems` and exits 1; warnings go to
standard error as text.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from icsguard.config.problem import Findings, Severity
from icsguard.runtime.files import check_config


def main(arguments: Sequence[str]) -> int:
    """Compile the file that is named; return the exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m icsguard.runtime.compile_config CONFIG\n")
        return 2
    settings, problems = check_config(Path(arguments[0]))
    for problem in problems:
        if problem.severity is Severity.WARNING:
            sys.stderr.write(f"{problem}\n")
    findings = Findings()
    for problem in problems:
        findings.note(problem)
    sys.stdout.buffer.write(msgspec.msgpack.encode(findings.as_problems() if settings is None else settings))
    sys.stdout.buffer.flush()
    return 1 if settings is None else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
