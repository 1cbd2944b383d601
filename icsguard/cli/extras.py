"""Commands that need an optional extra say so in one line, with the command that installs it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from icsguard.cli.exits import CliError


@contextlib.contextmanager
def needed(extra: str, *modules: str) -> Iterator[None]:
    """Turn a missing module of an extra into one clear line; any other missing module is a bug and passes."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in modules:
            raise
        text = f"this command needs the Python package {missing}, which is not installed"
        raise CliError(text, hint=f"pip install 'icsguard[{extra}]'", name="not-installed") from error
