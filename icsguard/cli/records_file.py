"""A record looked up in the recorder's own files: evidence that outlives the gateway's memory."""

from __future__ import annotations

from pathlib import Path

from icsguard.cli.exits import CliError, ExitCode
from icsguard.control.replies import Explained
from icsguard.evidence.record_json import MAX_LINE, parse_line


def find(path: Path, name: str) -> Explained:
    """Return the record with an id or ticket id, or the newest one for `last`. Raises CliError."""
    found = None
    try:
        with path.open("rb") as file:
            while line := file.readline(MAX_LINE + 1):
                if (name == "last" or name.encode() in line) and (parsed := parse_line(line)) is not None:
                    found = parsed if name in {"last", parsed.record.id, parsed.record.ticket} else found
    except FileNotFoundError:
        raise CliError(f"there is no file {path}") from None
    except PermissionError:
        raise CliError(f"{path} may not be read by this user", hint="use sudo", code=ExitCode.PERMISSION) from None
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from error
    if found is None:
        raise CliError(f"{path} has no record '{name}'", hint="grep it in the rotated files beside")
    return Explained(record=found.record, now=found.record.at, wall_shift=found.wall_ns - found.record.at)
