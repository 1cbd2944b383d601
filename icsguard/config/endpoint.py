"""Host and port of a listener or device, from one text."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

_HOST: Final = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_MAX_PORT: Final = 65_535


def host_and_port(text: str) -> tuple[str, int]:
    """Return host and port of `10.1.0.5:502` or `[fd00::5]:502`; ValueError says what is wrong."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not (port.isascii() and port.isdecimal()) or not 1 <= int(port[:6]) <= _MAX_PORT:
        raise ValueError(f"{text!r} has no port from 1 to {_MAX_PORT}: write host:port, as in 10.1.0.5:502")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare and bare == host:
        raise ValueError(f"{text!r}: an IPv6 address stands in brackets, as in [fd00::5]:502")
    if not _is_host(bare):
        raise ValueError(f"{text!r}: {bare!r} is no address and no host name")
    return bare, int(port)


def _is_host(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        # Digits and dots alone are a mistyped address, never a name.
        return bool(_HOST.fullmatch(text)) and not re.fullmatch(r"[0-9.]+", text)
    return True


def checked_endpoint(text: str) -> str:
    """Return the text if it names host and port; ValueError says what is wrong."""
    host_and_port(text)
    return text
