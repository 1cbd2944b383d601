"""`icsguard pki`: the gateway's own certificates, and whom it trusts. Live channels feel a change within seconds."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer

from icsguard.cli import settings_file, show
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.options import Config, Json, config_path
from icsguard.runtime.clock import Clock

if TYPE_CHECKING:
    from icsguard.runtime.ua_probe import Server

WHO: Final = "A file, the name of one in the folder, or the first 8 digits of its SHA-256."
Folder = Annotated[
    Path | None,
    typer.Option("--pki", help="The folder; default: that of the configuration's OPC UA conduits.", show_default=False),
]
Who = Annotated[str, typer.Argument(help=WHO, show_default=False)]
Result = TypeVar("Result")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_URL: Final = re.compile(r"(?:opc\.tcp://)?(\[[0-9A-Fa-f:.]+\]|[^/:\[\]]+):([0-9]{1,5})(/.*)?")

app = typer.Typer(
    help="Certificates of OPC UA conduits: make, trust, reject, revoke, pin.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(epilog="Example: icsguard pki init --name 'Plant north, icsguard'")
def init(
    *,
    name: Annotated[str, typer.Option(help="CommonName of the authority.")] = "icsguard authority",
    pki: Folder = None,
    config: Config = None,
) -> None:
    """Make the folder and an authority of its own, whose revocation list is empty."""
    from icsguard.runtime import pki_work

    folder = _folder(pki, config)
    made = _changed(folder, lambda: pki_work.begin(folder, name, _wall()))
    show.line(f"{folder}: authority {made.subject}, SHA-256 {made.pin}")
    show.line("next: icsguard pki issue gateway --uri urn:PLANT:icsguard --host HOST")


@app.command(epilog="Example: icsguard pki issue gateway --uri urn:plant:icsguard --host gate.plant --host 10.0.0.9")
def issue(
    name: Annotated[str, typer.Argument(help="`own` or `upstream` of a conduit; `gateway` by default.")] = "gateway",
    *,
    uri: Annotated[str, typer.Option(help="ApplicationUri: unique in the plant.")],
    host: Annotated[list[str], typer.Option(help="Name or address by which clients reach it; may be repeated.")],
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How long it holds.")] = 825,
    self_signed: Annotated[bool, typer.Option("--self-signed", help="Do not use the own authority.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the one that is there.")] = False,
    pki: Folder = None,
    config: Config = None,
) -> None:
    """Make key and certificate of the gateway, for its clients or towards a server."""
    from icsguard.runtime import pki_work
    from icsguard.runtime.pki_make import Subject

    if not _NAME.fullmatch(name):
        raise CliError(f"{name!r} is no name: letters, digits, - and _", code=ExitCode.USAGE)
    folder = _folder(pki, config)
    subject = Subject(name, uri, tuple(host))
    made = _changed(
        folder, lambda: pki_work.give(folder, name, subject, _wall(), days=days, alone=self_signed, force=force)
    )
    show.line(f"{folder}/own/{name}.der: {made.uri}, SHA-256 {made.pin}, {days} days")
    show.line(f"clients and servers must trust it: icsguard pki export {name} --out {name}.der")


@app.command(epilog="Example: icsguard pki trust 1f0c77ab")
def trust(who: Who, *, pki: Folder = None, config: Config = None) -> None:
    """Trust a certificate; `icsguard pki list` shows those that peers showed in vain."""
    from icsguard.runtime import pki_work

    folder = _folder(pki, config)
    found = _changed(folder, lambda: pki_work.trust(folder, who))
    show.line(f"trusted: {found.certificate.subject}, {found.certificate.uri}, SHA-256 {found.certificate.pin}")


@app.command(epilog="Example: icsguard pki reject 1f0c77ab")
def reject(who: Who, *, pki: Folder = None, config: Config = None) -> None:
    """Turn a certificate down, whoever issued it; channels that show it end within seconds."""
    from icsguard.runtime import pki_work

    folder = _folder(pki, config)
    found = _changed(folder, lambda: pki_work.reject(folder, who))
    show.line(f"rejected: {found.certificate.subject}, SHA-256 {found.certificate.pin}")


@app.command("list", epilog="Example: icsguard pki list --json | jq '.[] | select(.days < 60)'")
def show_list(*, pki: Folder = None, config: Config = None, as_json: Json = False) -> None:
    """Show every certificate of the folder, and those that wait for a decision. Exit code 4: one has ended."""
    from icsguard.protocols.opcua.trust import expiry_of
    from icsguard.runtime import pki_store

    folder, wall = _folder(pki, config), _wall()
    every = [(one.folder, one) for one in pki_store.listed(folder)] + [("seen", one) for one in pki_store.seen(folder)]
    days = [expiry_of(one.certificate, wall).days for _, one in every]
    if as_json:
        rows = [
            {
                "folder": kind,
                "file": one.path.name,
                "uri": one.certificate.uri,
                "subject": one.certificate.subject,
                "days": left,
                "sha256": one.certificate.pin,
            }
            for (kind, one), left in zip(every, days, strict=True)
        ]
        show.as_json(rows)
    else:
        cells = [
            [
                kind,
                one.path.name[:24],
                one.certificate.uri or one.certificate.subject,
                str(left),
                one.certificate.pin[:16],
            ]
            for (kind, one), left in zip(every, days, strict=True)
        ]
        show.table(["FOLDER", "FILE", "URI", "DAYS", "SHA-256"], cells, right=frozenset({"DAYS"}))
    if any(expiry_of(one.certificate, wall).level == 0 for kind, one in every if kind not in {"seen", "rejected"}):
        raise typer.Exit(ExitCode.FINDING)


@app.command("show", epilog="Example: icsguard pki show gateway")
def show_one(who: Who, *, pki: Folder = None, config: Config = None, as_json: Json = False) -> None:
    """Show one certificate: whom it names, how long it holds, its pin."""
    from icsguard.protocols.opcua.trust import expiry_of
    from icsguard.runtime import pki_work

    found = _done(lambda: pki_work.find(_folder(pki, config), who))
    leaf = found.certificate
    facts = {
        "file": str(found.path),
        "subject": leaf.subject,
        "uri": leaf.uri,
        "hosts": list(leaf.hosts),
        "days": expiry_of(leaf, _wall()).days,
        "key_bits": leaf.key.key_size,
        "sha256": leaf.pin,
    }
    if as_json:
        show.as_json(facts)
        return
    for key, value in facts.items():
        show.line(f"{key:9} {', '.join(value) if isinstance(value, list) else value}")


@app.command(epilog="Example: icsguard pki pin opc.tcp://10.1.0.7:4840")
def pin(
    server: Annotated[str, typer.Argument(help="HOST:PORT or endpoint URL of a server.", show_default=False)],
    *,
    as_json: Json = False,
) -> None:
    """Ask a server for its certificates. Compare the pin with the server's own panel, then write it down."""
    from icsguard.protocols.opcua.certificates import Certificate, certificate_of
    from icsguard.protocols.opcua.times import ticks_of
    from icsguard.runtime.ua_probe import ProbeError, endpoints

    place = _server(server)
    try:
        found = endpoints(place, ticks_of(_wall()))
    except ProbeError as error:
        raise CliError(str(error), hint=f"is it a server of OPC UA? nc -vz {place.host} {place.port}") from error
    leaves = {made.pin: made for one in found if isinstance(made := certificate_of(one.certificate), Certificate)}
    if as_json:
        show.as_json([{"sha256": leaf.pin, "uri": leaf.uri, "subject": leaf.subject} for leaf in leaves.values()])
        return
    for leaf in leaves.values():
        show.line(f"{leaf.uri or leaf.subject}: SHA-256 {leaf.pin}")
        show.line(f'server_pin = "{leaf.pin}"')
    if not leaves:
        show.line("the server shows no certificate: it has no security")


@app.command(epilog="Example: icsguard pki export gateway --pem")
def export(
    who: Who,
    *,
    out: Annotated[
        Path | None, typer.Option(help="File to write; default: PEM on the screen.", show_default=False)
    ] = None,
    pem: Annotated[bool, typer.Option("--pem", help="Text form instead of DER.")] = False,
    pki: Folder = None,
    config: Config = None,
) -> None:
    """Write a certificate for others to trust; keys never leave the folder."""
    from icsguard.runtime import pki_work

    raw = _done(lambda: pki_work.exported(_folder(pki, config), who, pem=pem or out is None))
    if out is None:
        typer.echo(raw.decode("ascii"), nl=False)
        return
    out.write_bytes(raw)
    show.line(f"{out}: {len(raw)} bytes")


@app.command(epilog="Example: icsguard pki crl --revoke 1f0c77ab")
def crl(
    *,
    revoke: Annotated[str, typer.Option(help="Revoke a certificate of the own authority.", show_default=False)] = "",
    take: Annotated[
        Path | None, typer.Option(help="Take in the revocation list of another authority.", show_default=False)
    ] = None,
    pki: Folder = None,
    config: Config = None,
) -> None:
    """Revoke a certificate, or take in another authority's revocation list."""
    from icsguard.runtime import pki_work

    if bool(revoke) == (take is not None):
        raise CliError("say either --revoke WHO or --take FILE", code=ExitCode.USAGE)
    folder = _folder(pki, config)
    if take is None:
        found = _changed(folder, lambda: pki_work.revoke(folder, revoke, _wall()))
        show.line(f"revoked: {found.certificate.subject}, SHA-256 {found.certificate.pin}")
        return
    whose, count = _changed(folder, lambda: pki_work.take_list(folder, take))
    show.line(f"{whose}: {count} revoked")


def _folder(given: Path | None, config: Path | None) -> Path:
    """Return the folder to work in; raise CliError where the configuration has several."""
    if given is not None:
        return given
    settings = settings_file.loaded(config_path(config))
    folders = sorted({conduit.opcua.pki for conduit in settings.conduits if conduit.opcua is not None})
    if len(folders) > 1:
        raise CliError(f"the conduits have {len(folders)} folders: {', '.join(folders)}", hint="name one with --pki")
    return Path(folders[0] if folders else f"{settings.gateway.state_dir}/pki")


def _changed(folder: Path, work: Callable[[], Result]) -> Result:
    """Return what the work returns; what root wrote becomes the gateway's own user's."""
    from icsguard.runtime import pki_store

    def whole() -> Result:
        found = work()
        pki_store.hand_over(folder)
        return found

    return _done(whole)


def _done(work: Callable[[], Result]) -> Result:
    """Return what the work returns; what an operator must mend becomes an error of the command."""
    from icsguard.runtime.pki_store import PkiError

    try:
        return work()
    except PkiError as error:
        raise CliError(str(error), name="pki") from error
    except PermissionError as error:
        text = f"{error.filename} may not be read or written by this user"
        raise CliError(text, hint="run it as the gateway's own user", code=ExitCode.PERMISSION) from error
    except OSError as error:
        raise CliError(f"{error.filename}: {error.strerror}") from error
    except ValueError as error:
        raise CliError(f"no certificate can say that: {error}", code=ExitCode.USAGE) from error


def _server(text: str) -> Server:
    from icsguard.runtime.ua_probe import Server

    found = _URL.fullmatch(text)
    if found is None or not 0 < int(found[2]) < 65_536:  # noqa: PLR2004 - TCP ports
        raise CliError(f"{text!r} is no server: write 10.1.0.7:4840 or its endpoint URL", code=ExitCode.USAGE)
    url = text if text.startswith("opc.tcp://") else f"opc.tcp://{text}"
    return Server(found[1].strip("[]"), int(found[2]), url)


def _wall() -> int:
    clock = Clock()
    return clock.now() + clock.wall_shift()
