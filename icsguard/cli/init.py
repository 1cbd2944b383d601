"""`icsguard init`: a first icsguard.toml of a dozen lines, shown before it is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, NamedTuple

import typer

from icsguard.cli import show
from icsguard.cli.captures import device_in
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.options import LOCAL_CONFIG, SYSTEM_CONFIG, Json
from icsguard.core.decision import Mode

ANY_ADDRESS: Final = "0.0.0.0"  # noqa: S104 - the gateway is there for its clients' whole network
MODBUS_PORT: Final = 502
MAX_PORT: Final = 65_535
_HOST: Final = r"[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]"
_ENDPOINT: Final = re.compile(
    rf"(?P<only>[0-9]{{1,5}})|(?P<host>{_HOST}):(?P<port>[0-9]{{1,5}})|(?P<alone>{_HOST})", re.ASCII
)
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}", re.ASCII)


class First(NamedTuple):
    """What a first configuration is made from."""

    name: str
    listen: str
    device: str
    mode: Mode
    state: str
    run: str


def init(
    *,
    device: Annotated[str, typer.Option("--device", "-d", help="The PLC: host or host:port.")] = "",
    listen: Annotated[str, typer.Option("--listen", "-l", help="Where clients connect: host:port or port.")] = "",
    pcap: Annotated[
        Path | None, typer.Option("--pcap", help="Find the device in a capture of its traffic.", show_default=False)
    ] = None,
    port: Annotated[list[int], typer.Option(help="Modbus ports in the capture; may be repeated.")] = [MODBUS_PORT],  # noqa: B006 - typer copies it
    name: Annotated[str, typer.Option(help="Name of the conduit.")] = "plc1",
    mode: Annotated[Mode, typer.Option(help="Mode to start in.")] = Mode.LEARN,
    file: Annotated[Path, typer.Option("--file", "-f", help="File to write.")] = LOCAL_CONFIG,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Write without asking.")] = False,
    as_json: Json = False,
) -> None:
    """Write a first icsguard.toml for one PLC. Nothing is refused until you say `mode … enforce`."""
    if pcap is not None and not device:
        device = device_in(pcap, tuple(port))
    if not device:
        raise CliError(
            "which device shall be guarded?", hint="icsguard init --device 10.1.0.5:502", code=ExitCode.USAGE
        )
    text = first_config(
        First(checked_name(name), endpoint(listen or "502", ANY_ADDRESS), endpoint(device), mode, *folders(file))
    )
    if file.exists() and not force:
        raise CliError(
            f"{file} exists already", hint="icsguard init --force, or --file other.toml", code=ExitCode.ERROR
        )
    if not as_json:
        show.note(f"--- {file} ---\n".rstrip())
        typer.echo(text, nl=False)
    if not yes and not typer.confirm(f"write {file}?", default=True, err=True):
        raise CliError("nothing was written")
    write(file, text)
    if as_json:
        show.as_json({"file": str(file), "text": text})
    else:
        show.note(f"written: {file}    next: icsguard doctor -c {file}, then icsguard run -c {file}")


def first_config(first: First) -> str:
    """Return the text of the file."""
    return f"""\
# icsguard guards {first.name}. Every other key has a default: `icsguard config show` prints them all.
[gateway]
state = "{first.state}"      # records, learned models, what operators changed
run = "{first.run}"          # sockets of the running gateway

[conduit.{first.name}]
listen = "{first.listen}"    # clients connect here instead of to the device
device = "{first.device}"    # the device itself
mode = "{first.mode}"        # then observe, then enforce: icsguard mode {first.name} enforce -r "..."
# policy = "{first.name}.policy.toml"    # both are proposed by: icsguard learn {first.name}
# points = "{first.name}.points.csv"
"""


def endpoint(text: str, host: str = "") -> str:
    """Return `host:port` from a host, a port (with a default host) or both. Raises CliError (usage)."""
    match = _ENDPOINT.fullmatch(text.strip())
    found = match.groupdict() if match else {}
    named = found.get("host") or found.get("alone") or host
    port = int(found.get("port") or found.get("only") or MODBUS_PORT)
    if not named or not 0 < port <= MAX_PORT:
        hint = "write host:port, like 10.1.0.5:502 or [fd00::5]:502"
        raise CliError(f"'{text}' is no address of a TCP port", hint=hint, code=ExitCode.USAGE)
    return f"{named}:{port}"


def checked_name(name: str) -> str:
    """Return a conduit's name. Raises CliError (usage) for one that commands and files could not carry."""
    if not _NAME.fullmatch(name):
        hint = "small letters, digits, - and _, a letter first, at most 32"
        raise CliError(f"'{name}' is no name for a conduit", hint=hint, code=ExitCode.USAGE)
    return name


def folders(file: Path) -> tuple[str, str]:
    """Return where state and sockets go: the system's places for the system's file, else beside the file."""
    if file.absolute() == SYSTEM_CONFIG:
        return "/var/lib/icsguard", "/run/icsguard"
    return "state", "run"


def write(file: Path, text: str) -> None:
    """Write the file, readable by others and writable by its owner alone. Raises CliError."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o644)
    except PermissionError as error:
        hint = f"sudo icsguard init …, or --file {LOCAL_CONFIG}"
        raise CliError(f"{file} may not be written by this user", hint=hint, code=ExitCode.PERMISSION) from error
    except OSError as error:
        raise CliError(f"{file} cannot be written: {error.strerror}") from error
