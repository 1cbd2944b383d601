"""What a capture file says about the devices in it, for commands that take one."""

from __future__ import annotations

from pathlib import Path

from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.extras import needed

Endpoint = tuple[str, int]


def device_in(pcap: Path, ports: tuple[int, ...]) -> str:
    """Return the one device of a capture as `host:port`. Raises CliError where there is none, or several."""
    checked_capture(pcap)
    with needed("learn", "scapy"):
        from icsguard.learn.capture import CaptureError
        from icsguard.learn.traffic import choose_device, from_capture

        try:
            host, port = choose_device(from_capture(pcap, "capture", ports=frozenset(ports)).devices, None)
        except CaptureError as error:
            raise CliError(f"{pcap}: {error}") from error
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def checked_capture(pcap: Path) -> Path:
    """Return the path of a capture that can be opened. Raises CliError."""
    try:
        pcap.open("rb").close()
    except FileNotFoundError:
        raise CliError(f"there is no file {pcap}") from None
    except PermissionError:
        hint = f"ls -l {pcap}"
        raise CliError(f"{pcap} may not be read by this user", hint=hint, code=ExitCode.PERMISSION) from None
    except OSError as error:
        raise CliError(f"{pcap} cannot be read: {error.strerror}") from error
    return pcap


def endpoint_of(text: str) -> Endpoint | None:
    """Return host and port of `host:port`, None for an empty text. Raises CliError (usage)."""
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise CliError(f"'{text}' is no host:port", hint="--device 10.1.0.5:502", code=ExitCode.USAGE)
    return host.strip("[]"), int(port)
