"""`icsguard grant`: permissions with an end, instead of holes in the policy."""

from __future__ import annotations

from typing import Annotated

import typer

from icsguard.cli import show, talk
from icsguard.cli.durations import in_words, seconds_of, short
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.moments import date_and_time
from icsguard.cli.options import Config, Json, Reason, Yes, checked_reason
from icsguard.cli.show import Cell
from icsguard.control.replies import Done, GrantLine, Grants
from icsguard.control.requests import MAX_GRANT_S, AddGrant, EndGrant, ListGrants

COLUMNS = ("GRANT", "CONDUIT", "CLIENT", "WHAT", "UNTIL", "USED", "BY", "REASON")

app = typer.Typer(
    help="Permissions with an end: for commissioning, maintenance, a supplier.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list", epilog="Example: icsguard grant list --json")
def list_grants(*, config: Config = None, as_json: Json = False) -> None:
    """List the grants in force."""
    reply = talk.answer(ListGrants(), Grants, config)
    if as_json:
        show.as_json(reply)
    elif not reply.grants:
        show.nothing("grant is in force")
    else:
        show.table(COLUMNS, [row(line) for line in reply.grants])


@app.command(epilog="Example: icsguard grant add plc1 10.0.0.30 --for 4h --point pump_speed -r commissioning")
def add(
    conduit: Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)],
    client: Annotated[str, typer.Argument(help="IP address or network.", show_default=False)],
    *,
    reason: Reason,
    for_: Annotated[str, typer.Option("--for", help="How long: 30m, 4h, 2d.", show_default=False)],
    function: Annotated[list[str], typer.Option(help="Function code, like 6 or 8/0; may be repeated.")] = [],  # noqa: B006 - typer copies it
    point: Annotated[list[str], typer.Option(help="Name of a point; may be repeated.")] = [],  # noqa: B006 - likewise
    range_: Annotated[list[str], typer.Option("--range", help="Like 'holding 0..39'; may be repeated.")] = [],  # noqa: B006 - likewise
    unit: Annotated[list[int], typer.Option(help="Unit identifier; may be repeated.", min=0, max=255)] = [],  # noqa: B006 - likewise
    uses: Annotated[int, typer.Option(help="End after so many requests; 0: only by time.", min=0)] = 0,
    yes: Yes = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Permit something for a while. The limits of points still hold."""
    if not (function or point or range_):
        raise CliError("a grant says what it permits", hint="--point NAME, --range or --function", code=ExitCode.USAGE)
    request = AddGrant(
        conduit=conduit,
        client=client,
        seconds=_bounded(seconds_of(for_)),
        functions=tuple(function),
        points=tuple(point),
        ranges=tuple(range_),
        units=tuple(unit),
        max_uses=uses,
        reason=checked_reason(reason),
    )
    talk.carry_out(request, consequence(request), conduit, config, yes=yes, as_json=as_json)


@app.command(epilog='Example: icsguard grant end plc1 g1 -r "done early"')
def end(
    conduit: Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)],
    grant: Annotated[str, typer.Argument(help="Its id, see `icsguard grant list`.", show_default=False)],
    *,
    reason: Reason,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End a grant before its time."""
    request = EndGrant(conduit=conduit, id=grant, reason=checked_reason(reason))
    talk.done(talk.answer(request, Done, config), as_json=as_json)


def consequence(request: AddGrant) -> str:
    """Return what the grant lets into the plant, as one sentence for the operator."""
    functions = [f"function {code}" for code in request.functions]
    what = ", ".join([*request.points, *request.ranges, *functions])
    uses = f", at most {request.max_uses} times" if request.max_uses else ""
    return f"for {in_words(request.seconds)} {request.client} may reach on {request.conduit}: {what}{uses}"


def row(line: GrantLine) -> list[str | Cell]:
    """Return one grant for the table."""
    used = f"{line.used}/{line.max_uses}" if line.max_uses else str(line.used)
    return [line.id, line.conduit, line.client, line.what, date_and_time(line.until, 0), used, line.by, line.reason]


def _bounded(seconds: int) -> int:
    if seconds <= MAX_GRANT_S:
        return seconds
    longest = short(MAX_GRANT_S)
    raise CliError(f"a grant lasts at most {longest}", hint="a lasting permission is a rule", code=ExitCode.USAGE)
