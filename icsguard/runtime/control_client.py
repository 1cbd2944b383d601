"""The command line's end of the control socket: one question, one answer, within two seconds."""

from __future__ import annotations

import errno
import socket
import struct
from pathlib import Path
from typing import Final

from icsguard.control.codec import MAX_REPLY, read_reply, request_line
from icsguard.control.replies import Reply
from icsguard.control.requests import Request

TIMEOUT_S: Final = 2.0
"""A gateway that does not answer a local question for so long is not well, and the operator should know at once."""
_CHUNK: Final = 64 * 1024


class ControlError(Exception):
    """No answer could be had. Subclasses: NotRunningError, NoPermissionError, NoAnswerError."""


class NotRunningError(ControlError):
    """Nobody listens on the control socket."""


class NoPermissionError(ControlError):
    """The operating system does not let this user open the control socket."""


class NoAnswerError(ControlError):
    """The gateway took the question and gave no answer that can be understood."""


def ask(path: Path, request: Request, timeout_s: float = TIMEOUT_S) -> Reply:
    """Send one request to the control socket at `path` and return its reply. Raises ControlError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(timeout_s)
        _connect(channel, path)
        try:
            channel.sendall(request_line(request))
            line = _read_line(channel)
        except TimeoutError as error:
            message = f"the gateway at {path} did not answer within {timeout_s:g} s"
            raise NoAnswerError(message) from error
        except OSError as error:
            message = f"the gateway at {path} ended the conversation ({error.strerror})"
            raise NoAnswerError(message) from error
    try:
        return read_reply(line)
    except ValueError as error:
        raise NoAnswerError(str(error)) from error


def peer_pid(path: Path) -> int | None:
    """Return the process id that listens on a UNIX socket; None where nobody does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(TIMEOUT_S)
        try:
            channel.connect(str(path))
            raw = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        except OSError:
            return None
    pid: int = struct.unpack("3i", raw)[0]
    return pid


def _connect(channel: socket.socket, path: Path) -> None:
    try:
        channel.connect(str(path))
    except PermissionError as error:
        message = f"this user may not open the control socket {path}"
        raise NoPermissionError(message) from error
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ECONNREFUSED, errno.ENOTDIR}:
            message = f"icsguard is not running: nobody listens at {path}"
            raise NotRunningError(message) from error
        message = f"the control socket {path} cannot be opened: {error.strerror or error}"
        raise NoAnswerError(message) from error


def _read_line(channel: socket.socket) -> bytes:
    parts: list[bytes] = []
    size = 0
    while size <= MAX_REPLY:
        part = channel.recv(_CHUNK)
        if not part:
            message = "the gateway closed the control socket without an answer"
            raise NoAnswerError(message)
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            return b"".join(parts)
    message = f"the gateway's answer is longer than {MAX_REPLY} bytes"
    raise NoAnswerError(message)
