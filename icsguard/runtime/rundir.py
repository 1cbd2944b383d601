"""Where the gateway's sockets are, read from icsguard.toml without checking anything else.

Shadow and recorder need to know just this; all else they are told by the gateway. So they start at once, and also while
somebody edits a policy that is not right yet.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Final

DEFAULT: Final = "/run/icsguard"


class RunDirError(Exception):
    """The file does not say where the gateway is; the message is one line for the operator."""


def run_dir(config: Path) -> Path:
    """Return the folder of the running gateway's sockets. Raises RunDirError."""
    try:
        with config.open("rb") as stream:
            main = tomllib.load(stream)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RunDirError(f"{config} cannot be read: {error}; type: icsguard config check -c {config}") from error
    gateway = main.get("gateway", {})
    place = gateway.get("run", DEFAULT) if isinstance(gateway, dict) else DEFAULT
    if not isinstance(place, str) or not place:
        raise RunDirError(f"{config}: 'run' in [gateway] is no path; type: icsguard config check -c {config}")
    return config.parent / place  # an absolute one stays as it is
