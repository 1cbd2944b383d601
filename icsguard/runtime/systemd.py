"""The service manager's side channel (sd_notify): ready, stopping, alive. Without a service manager it does nothing.

`icsguard run` speaks the same protocol to its own children, so a process has one way to say that it is ready.
"""

from __future__ import annotations

import os
import socket


def notify(*states: str) -> bool:
    """Send states such as `READY=1` or `STATUS=2 conduits`; return whether somebody listens."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.settimeout(0)
        try:
            channel.sendto("\n".join(states).encode(), address)
        except OSError:
            return False  # a full or gone service manager must not stop a gateway
    return True


def ready(status: str = "") -> bool:
    """Say that the process does its work from now on."""
    return notify("READY=1", *([f"STATUS={status}"] if status else []))


def stopping() -> bool:
    """Say that the process drains and ends."""
    return notify("STOPPING=1")


def alive() -> bool:
    """Feed the watchdog; only to be called after the process has proved to itself that it works."""
    return notify("WATCHDOG=1")


def watchdog_s() -> float | None:
    """Return within how many seconds the watchdog must be fed; None where there is none for this process."""
    micro = os.environ.get("WATCHDOG_USEC", "")
    meant_for = os.environ.get("WATCHDOG_PID", "") or str(os.getpid())
    if not micro.isdecimal() or int(micro) == 0 or meant_for != str(os.getpid()):
        return None
    return int(micro) / 1_000_000
