"""`icsguard isolate` and `icsguard release`: cut a client off, and take it back."""

from __future__ import annotations

import ipaddress
from typing import Annotated

import typer

from icsguard.cli import talk
from icsguard.cli.durations import in_words, seconds_of, short
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.options import Config, DryRun, Json, Reason, Yes, checked_reason
from icsguard.control.replies import SessionLine, Sessions
from icsguard.control.requests import ALL, DEFAULT_ISOLATION_S, MAX_ISOLATION_S, GetSessions, Isolate, Release
from icsguard.core.clock import SECOND
from icsguard.core.isolation import Scope

Client = Annotated[str, typer.Argument(help="IP address of the client.", show_default=False)]
Conduit = Annotated[str, typer.Option("--conduit", help="Only on this conduit; '*' for all.")]


def isolate(
    client: Client,
    *,
    reason: Reason,
    for_: Annotated[
        str, typer.Option("--for", help="How long: 30s, 15m, 4h, 2d; then it is released by itself.")
    ] = short(DEFAULT_ISOLATION_S),
    permanent: Annotated[bool, typer.Option("--permanent", help="Until somebody releases it.")] = False,
    writes_only: Annotated[
        bool, typer.Option("--writes-only", help="Leave it reading; only writes are answered busy.")
    ] = False,
    conduit: Conduit = ALL,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Cut a client off. Says first what that stops in the plant."""
    request = Isolate(
        client=checked_address(client),
        conduit=conduit,
        scope=Scope.WRITES if writes_only else Scope.FULL,
        seconds=_bounded(seconds_of(for_)),
        permanent=permanent,
        reason=checked_reason(reason),
    )
    now = talk.answer(GetSessions(conduit="" if conduit == ALL else conduit), Sessions, config)
    said = consequence(request, now)
    talk.carry_out(request, said, request.client, config, yes=yes, dry_run=dry_run, as_json=as_json)


def release(
    client: Client,
    *,
    reason: Reason,
    conduit: Conduit = ALL,
    yes: Yes = False,
    dry_run: DryRun = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End an isolation before its time."""
    request = Release(client=checked_address(client), conduit=conduit, reason=checked_reason(reason))
    said = f"{request.client} may connect, read and write again {_where(conduit)}, as far as the policy permits"
    talk.carry_out(request, said, request.client, config, yes=yes, dry_run=dry_run, as_json=as_json)


def consequence(request: Isolate, now: Sessions) -> str:
    """Return what the isolation stops in the plant, as one sentence for the operator."""
    sessions = tuple(line for line in now.sessions if address_of(line.client) == request.client)
    names = sorted({line.group for line in sessions if line.group})
    who = f"{request.client} ({', '.join(names)})" if names else request.client
    stops = "writing to" if request.scope is Scope.WRITES else "reading and writing"
    conduits = sorted({line.conduit for line in sessions})
    where = ", ".join(conduits) if conduits else ("every conduit" if request.conduit == ALL else request.conduit)
    how_long = "until somebody releases it" if request.permanent else f"for {in_words(request.seconds)}"
    return f"this stops {who} from {stops} {where} {how_long}; {_activity(sessions, now.now)}"


def checked_address(text: str) -> str:
    """Return an IP address as the gateway writes it; raise CliError (usage) for anything else."""
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        hint = "icsguard sessions   (lists the addresses of all clients)"
        raise CliError(f"'{text}' is not an IP address", hint=hint, code=ExitCode.USAGE) from None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _activity(sessions: tuple[SessionLine, ...], now: int) -> str:
    if not sessions:
        return "it is not connected now"
    last = max(line.last for line in sessions)
    writes = sum(line.writes for line in sessions)
    asked = (
        f"last request {in_words((now - last) / SECOND)} ago" if last else "it is connected and has asked nothing yet"
    )
    return f"{asked}, {writes} writes so far"


def address_of(peer: str) -> str:
    """Return the address in `address:port` or `[address]:port`."""
    return peer.rpartition(":")[0].strip("[]")


def _bounded(seconds: int) -> int:
    if seconds <= MAX_ISOLATION_S:
        return seconds
    longest = short(MAX_ISOLATION_S)
    raise CliError(
        f"an isolation lasts at most {longest}", hint="--permanent says that you mean it", code=ExitCode.USAGE
    )


def _where(conduit: str) -> str:
    return "everywhere" if conduit == ALL else f"on {conduit}"
