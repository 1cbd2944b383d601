"""What an operator changed at run time, kept over restarts: modes, isolations, grants.

One JSON file, replaced atomically. A file that cannot be read is moved aside and said so; the gateway then starts with
what the configuration says, which is the safe default. Moments in it follow the wall clock: the steady one ends with
the process.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from icsguard.core.decision import Mode
from icsguard.core.isolation import Isolation
from icsguard.policy.rules import Grant

FILE_NAME: Final = "gateway-state.json"
MAX_BYTES: Final = 4 * 1024 * 1024
"""256 isolations and as many grants on each of a hundred conduits; a larger file is not ours."""


class KeptMode(msgspec.Struct, frozen=True):
    """A mode that an operator set. It yields when the configuration's own mode is changed."""

    mode: Mode
    configured: Mode
    """What the configuration said then."""


class KeptState(msgspec.Struct, frozen=True):
    """Everything that is kept."""

    version: int = 1
    modes: dict[str, KeptMode] = {}
    """By conduit."""
    isolations: tuple[Isolation, ...] = ()
    """Their moments are wall clock here."""
    grants: dict[str, tuple[Grant, ...]] = {}
    """By conduit; those that an operator added."""
    granted_by: dict[str, str] = {}
    """Grant id to operator."""


class _File(msgspec.Struct, frozen=True):
    """The file: what is kept, and a digest by which a flipped bit is found."""

    sha256: str
    state: msgspec.Raw


def read_state(folder: Path) -> tuple[KeptState, str]:
    """Return the kept state, and a sentence for the operator where it could not be read (empty otherwise)."""
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > MAX_BYTES:
            return KeptState(), _set_aside(path, f"it has more than {MAX_BYTES} bytes")
        file = msgspec.json.decode(path.read_bytes(), type=_File)
        body = msgspec.json.format(bytes(file.state), indent=-1)
        if sha256(body).hexdigest() != file.sha256:
            return KeptState(), _set_aside(path, "its digest does not match")
        state = msgspec.json.decode(body, type=KeptState)
    except FileNotFoundError:
        return KeptState(), ""
    except OSError as error:
        return KeptState(), f"{path} cannot be read ({error.strerror}); modes, isolations and grants are as configured"
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError) as error:
        return KeptState(), _set_aside(path, str(error))
    if state.version != 1:
        return KeptState(), _set_aside(path, f"its version is {state.version}")
    return state, ""


def write_state(folder: Path, state: KeptState) -> None:
    """Replace the kept state. Raises OSError; then the old file is whole."""
    path = folder / FILE_NAME
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - from a descriptor, for its mode
            file.write(_packed(state))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise


def _packed(state: KeptState) -> bytes:
    body = msgspec.json.encode(state)
    whole = _File(sha256(body).hexdigest(), msgspec.Raw(body))
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"


def _set_aside(path: Path, why: str) -> str:
    aside = path.with_suffix(".broken")
    with contextlib.suppress(OSError):
        path.replace(aside)
    return f"{path} is damaged ({why}); it is now {aside.name}, and modes, isolations and grants are as configured"
