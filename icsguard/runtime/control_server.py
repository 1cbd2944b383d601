"""The gateway's end of the control socket: who asks is known from the kernel, what they may from their role.

One JSON line in, one JSON line out, as often as the caller likes. Nothing here touches the data path; every bound
below closes the caller's connection when it is hit, never the gateway's ear.
"""

from __future__ import annotations

import asyncio
import contextlib
import grp
import os
import pwd
import socket
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Final

from icsguard.control.api import GatewayFacade
from icsguard.control.codec import MAX_REQUEST, read_request, reply_line
from icsguard.control.replies import Failure, FailureCode, Reply
from icsguard.control.roles import Caller, may, role_of
from icsguard.runtime.control_client import peer_pid
from icsguard.runtime.log import get_logger

MAX_CALLERS: Final = 32  # humans and their scripts; one more is told so and closed
IDLE_S: Final = 60.0  # a caller that says nothing for a minute has forgotten us
ANSWER_S: Final = 10.0  # what one answer may take, the gateway's work and the caller's reading
SOCKET_MODE: Final = 0o660
GROUP: Final = "icsguard"
"""If the system has this group, its members may open the socket; what they may do is decided by their role."""

log: Final = get_logger("icsguard.control")


class ControlSocketError(Exception):
    """The control socket cannot be opened; the message says why and what to do."""


class ControlServer:
    """Listens on the control socket and hands requests to a facade."""

    def __init__(self, facade: GatewayFacade, *, operators: Collection[str], viewers: Collection[str]) -> None:
        self._facade = facade
        self._operators = frozenset(operators)
        self._viewers = frozenset(viewers)
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()

    def authorise(self, *, operators: Collection[str], viewers: Collection[str]) -> None:
        """Take new lists after a reload; they hold from the next request on, of old connections as well."""
        self._operators, self._viewers = frozenset(operators), frozenset(viewers)

    async def open(self, path: Path) -> None:
        """Start to listen at `path`. Raises ControlSocketError."""
        listener = listening_socket(path)
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_REQUEST)

    async def close(self) -> None:
        """Stop to listen and drop whoever is connected."""
        if self._server is not None:
            self._server.close()
        for writer in tuple(self._callers):
            writer.close()
        await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.add(writer)
        try:
            await self._converse(reader, writer, caller_of(writer))
        except (OSError, EOFError, TimeoutError):
            pass  # the caller left or fell asleep: its own affair
        except Exception:  # the edge of this caller's task: a fault here must not take the gateway with it
            log.exception("control-caller-failed")
        finally:
            self._callers.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, caller: Caller) -> None:
        if len(self._callers) > MAX_CALLERS:
            await self._answer(writer, too_many())
            return
        while True:
            try:
                line = await asyncio.wait_for(reader.readuntil(b"\n"), IDLE_S)
            except asyncio.LimitOverrunError:
                await self._answer(writer, too_long())
                return
            await self._answer(writer, await self.reply_to(line, caller))

    async def reply_to(self, line: bytes, caller: Caller) -> Reply:
        """Answer one line of one caller."""
        role = role_of(caller, own_uid=os.geteuid(), operators=self._operators, viewers=self._viewers)
        if role is None:
            return denied(caller, "may not talk to this gateway", "viewers")
        request = read_request(line)
        if isinstance(request, Failure):
            return request
        if not may(role, request):
            return denied(caller, "may look but not change", "operators")
        try:
            return await asyncio.wait_for(self._facade.handle(request, caller.user), ANSWER_S)
        except TimeoutError:
            return Failure(code=FailureCode.UNAVAILABLE, text=f"the gateway needed more than {ANSWER_S:g} s")
        except Exception:  # the edge between an operator's request and the gateway: say so, log it, go on
            log.exception("control-request-failed", request=type(request).__name__)
            return Failure(
                code=FailureCode.BROKEN,
                text="the gateway failed on this request; the traffic is not affected",
                hint="its log (journalctl -u icsguard-gateway) has the details",
            )

    async def _answer(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        writer.write(reply_line(reply))
        await asyncio.wait_for(writer.drain(), ANSWER_S)


def denied(caller: Caller, what: str, key: str) -> Failure:
    """Return the answer to a caller whose role does not suffice."""
    return Failure(
        code=FailureCode.DENIED,
        text=f"{caller.user} {what}",
        hint=f'an administrator can add the user or one of its groups: [gateway] {key} = ["{caller.user}"]',
    )


def too_many() -> Failure:
    """Return the answer to one caller too many."""
    return Failure(
        code=FailureCode.UNAVAILABLE,
        text=f"{MAX_CALLERS} others talk to the gateway at this moment",
        hint="try again in a moment",
    )


def too_long() -> Failure:
    """Return the answer to a line without an end."""
    return Failure(code=FailureCode.INVALID, text=f"a request has at most {MAX_REQUEST} bytes")


def caller_of(writer: asyncio.StreamWriter) -> Caller:
    """Return who is on the other end, as the kernel says (SO_PEERCRED)."""
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _pid, uid, gid = struct.unpack("3i", raw)
    return caller_named(uid, gid)


def caller_named(uid: int, gid: int) -> Caller:
    """Return the caller with its names from the system's user and group tables."""
    try:
        user = pwd.getpwuid(uid).pw_name
        numbers = os.getgrouplist(user, gid)
    except KeyError:
        user, numbers = f"uid {uid}", [gid]
    names = set[str]()
    for number in numbers:
        with contextlib.suppress(KeyError):
            names.add(grp.getgrgid(number).gr_name)
    return Caller(uid, user, frozenset(names))


def listening_socket(path: Path) -> socket.socket:
    """Return a listening UNIX socket at `path` that only its user and group may open. Raises ControlSocketError.

    What a dead gateway left behind is replaced; a living one is not.
    """
    _make_way(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    before = os.umask(0o777 & ~SOCKET_MODE)  # from its first moment on: chmod would come too late
    try:
        listener.bind(str(path))
        listener.listen(MAX_CALLERS)
    except OSError as error:
        listener.close()
        message = f"the control socket {path} cannot be opened: {error.strerror or error}; see `icsguard doctor`"
        raise ControlSocketError(message) from error
    finally:
        os.umask(before)
    listener.settimeout(0)
    _give_to_group(path)
    return listener


def _make_way(path: Path) -> None:
    if (pid := peer_pid(path)) is not None:
        message = f"another icsguard (process {pid}) already listens at {path}; stop it first, or set another run_dir"
        raise ControlSocketError(message)
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        if path.is_socket():
            path.unlink()
    except OSError as error:
        message = f"{path.parent} cannot be used for the control socket: {error.strerror}; see `icsguard doctor`"
        raise ControlSocketError(message) from error


def _give_to_group(path: Path) -> None:
    with contextlib.suppress(KeyError, PermissionError):
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
