"""Asking the running gateway, and turning everything that can go wrong into one line and an exit code."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from icsguard.cli import show
from icsguard.cli.confirm import confirm
from icsguard.cli.exits import FAILURE_EXITS, CliError, ExitCode
from icsguard.cli.options import config_path
from icsguard.control.replies import Done, Failure, Reply
from icsguard.control.requests import NoteModel, Request
from icsguard.runtime.control_client import ControlError, NoPermissionError, NotRunningError, ask

DEFAULT_SOCKET: Final = Path("/run/icsguard/control.sock")
Expected = TypeVar("Expected", bound=Reply)


def socket_path(config: Path | None) -> Path:
    """Return where the gateway's control socket is: $ICSGUARD_SOCKET, else what the configuration says.

    Only the three keys that matter are looked at, so that a broken policy does not take the status away.
    """
    if named := os.environ.get("ICSGUARD_SOCKET"):
        return Path(named)
    path = config_path(config)
    try:
        options = tomllib.loads(path.read_text(encoding="utf-8")).get("gateway", {})
    except FileNotFoundError:
        if config is not None:
            raise CliError(f"there is no file {path}", hint="icsguard init", code=ExitCode.ERROR) from None
        return DEFAULT_SOCKET
    except PermissionError:
        return DEFAULT_SOCKET  # the socket's own rights decide who may ask
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise CliError(f"{path}: {error}", hint=f"icsguard config check -c {path}") from error
    return _socket_of(options if isinstance(options, dict) else {}, path.absolute().parent)


def _socket_of(options: dict[str, object], folder: Path) -> Path:
    named, run = options.get("control_socket"), options.get("run")
    if isinstance(named, str) and named:
        return folder / named
    return folder / run / "control.sock" if isinstance(run, str) else DEFAULT_SOCKET


def answer(request: Request, kind: type[Expected], config: Path | None) -> Expected:
    """Ask the running gateway and return its answer of the expected kind. Raises CliError."""
    path = socket_path(config)
    try:
        reply = _reply(request, path)
    except CliError as error:
        if error.code is ExitCode.NOT_RUNNING and path == DEFAULT_SOCKET and not _may_read(config_path(config)):
            text = f"{config_path(config)}, which says where icsguard runs, may not be read by this user"
            raise CliError(text, hint=f"sudo, or ls -l {config_path(config)}", code=ExitCode.PERMISSION) from error
        raise
    if isinstance(reply, Failure):
        raise CliError(
            reply.text, hint=reply.hint, code=FAILURE_EXITS[reply.code], name=reply.code.value, details=reply.details
        )
    if not isinstance(reply, kind):
        raise CliError("the gateway gave another kind of answer", hint="compare `icsguard version` with its version")
    return reply


def done(reply: Done, *, as_json: bool) -> None:
    """Show that a change was done, until when, and how it is undone."""
    if as_json:
        show.as_json(reply)
        return
    show.line(reply.text)
    for detail in reply.details:
        show.line(f"  {detail}")
    if reply.undo:
        show.note(f"undo: {reply.undo}")


def carry_out(
    request: Request, said: str, word: str, config: Path | None, *, yes: bool, dry_run: bool = False, as_json: bool
) -> None:
    """Have a change done whose consequence is `said`, once `word` is typed; a dry run says only what it would do."""
    if dry_run:
        would(said, as_json=as_json)
        return
    confirm(said, word, yes=yes)
    done(answer(request, Done, config), as_json=as_json)


def recorded(conduit: str, change: Done, reason: str, config: Path | None, *, as_json: bool) -> None:
    """Have a running gateway put on record what was changed in a conduit's models, and show it in any case."""
    try:
        kept = answer(NoteModel(conduit=conduit, what=change.text, reason=reason), Done, config)
        change = msgspec.structs.replace(change, record=kept.record)
    except CliError as error:
        if error.code is not ExitCode.NOT_RUNNING:
            show.note(f"it is done, but the gateway did not put it on record: {error.text}")
    done(change, as_json=as_json)


def would(said: str, *, as_json: bool) -> None:
    """Show what a dry run would have done."""
    if as_json:
        show.as_json({"would": said})
    else:
        show.line(f"would do: {said}")


def _may_read(config: Path) -> bool:
    return os.access(config, os.R_OK) or not config.exists()


def _reply(request: Request, path: Path) -> Reply:
    try:
        return ask(path, request)
    except NotRunningError as error:
        raise CliError(
            str(error), hint="icsguard run, or systemctl start icsguard.target", code=ExitCode.NOT_RUNNING
        ) from error
    except NoPermissionError as error:
        raise CliError(
            str(error), hint="become a member of the group icsguard, or use sudo", code=ExitCode.PERMISSION
        ) from error
    except ControlError as error:
        raise CliError(str(error), hint="icsguard doctor") from error
