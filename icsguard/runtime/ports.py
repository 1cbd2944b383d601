"""Who holds a TCP port, and who may open a low one: read from /proc, so that no tool needs to be installed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

_LISTEN: Final = "0A"  # state of a listening socket in /proc/net/tcp
_CAP_NET_BIND_SERVICE: Final = 1 << 10
_DEFAULT_START: Final = 1024
SOMEBODY: Final = "a process of another user"
"""The owner's name where this user may not see it."""
MAX_NAME: Final = 60  # characters of a command line that are shown


def owner_of(port: int, proc: Path = Path("/proc")) -> str | None:
    """Return who listens on a TCP port (`python -m icsguard… (process 12)`), None where nobody does."""
    inodes = {inode for table in ("net/tcp", "net/tcp6") for inode in _listening(proc / table, port)}
    if not inodes:
        return None
    for process in proc.glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended, or belongs to somebody else
            if inodes & _sockets(process):
                return f"{_command(process)} (process {process.name})"
    return SOMEBODY


def unprivileged_start(proc: Path = Path("/proc")) -> int:
    """Return the first port that every user may open."""
    try:
        return int((proc / "sys/net/ipv4/ip_unprivileged_port_start").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return _DEFAULT_START


def may_bind_low(proc: Path = Path("/proc")) -> bool:
    """Say whether this process has the capability to open ports below `unprivileged_start`."""
    try:
        status = (proc / "self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return os.geteuid() == 0
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) & _CAP_NET_BIND_SERVICE)


def _listening(table: Path, port: int) -> set[str]:
    """Return the inodes of the sockets that listen on the port, as the kernel's table has them."""
    found = set[str]()
    with contextlib.suppress(OSError):
        for line in table.read_text(encoding="ascii").splitlines()[1:]:
            _, local, _, state, *_rest = fields = line.split()
            if state == _LISTEN and int(local.rpartition(":")[2], 16) == port:
                found.add(fields[9])
    return found


def _sockets(process: Path) -> set[str]:
    found = set[str]()
    for descriptor in (process / "fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed in between
            name = str(descriptor.readlink())
            if name.startswith("socket:["):
                found.add(name[len("socket:[") : -1])
    return found


def _command(process: Path) -> str:
    line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return line[:MAX_NAME] or process.name
