"""How a command ends: the documented exit codes, and the one exception that carries an error to the terminal."""

from __future__ import annotations

from enum import IntEnum

from icsguard.control.replies import FailureCode


class ExitCode(IntEnum):
    """What a script can rely on (docs/operator/exit-codes.md)."""

    OK = 0
    ERROR = 1
    USAGE = 2
    NOT_RUNNING = 3
    FINDING = 4
    """The command did its work and found something: a problem in a policy, a failed check, a missed expectation."""
    PERMISSION = 5
    INTERRUPTED = 130


class CliError(Exception):
    """A command cannot go on: one sentence, and what to type next."""

    def __init__(
        self,
        text: str,
        *,
        hint: str = "",
        code: ExitCode = ExitCode.ERROR,
        name: str = "",
        details: tuple[str, ...] = (),
    ) -> None:
        super().__init__(text)
        self.text = text
        self.hint = hint
        self.code = code
        self.name = name or code.name.lower().replace("_", "-")
        """Stable and machine-readable, for `--json`."""
        self.details = details


FAILURE_EXITS = {
    FailureCode.DENIED: ExitCode.PERMISSION,
    FailureCode.UNKNOWN: ExitCode.ERROR,
    FailureCode.INVALID: ExitCode.USAGE,
    FailureCode.REFUSED: ExitCode.ERROR,
    FailureCode.UNAVAILABLE: ExitCode.ERROR,
    FailureCode.BROKEN: ExitCode.ERROR,
}
"""Which failure of the gateway ends a command how."""
