"""`icsguard config`: is the configuration right, and what is really in force?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from icsguard.cli import settings_file, show
from icsguard.cli.exits import ExitCode
from icsguard.cli.options import Config, Json, config_path

app = typer.Typer(
    help="Check and show the configuration: icsguard.toml with the policies and point lists it names.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command(epilog="Example: icsguard config check -c /etc/icsguard/icsguard.toml")
def check(*, config: Config = None, as_json: Json = False) -> None:
    """Show every problem at once, each with file, line and hint. Exit code 4: there are errors."""
    path = config_path(config)
    _, problems = settings_file.checked(path)
    if settings_file.report(problems, str(path), as_json=as_json):
        raise typer.Exit(ExitCode.FINDING)


@app.command("show", epilog="Example: icsguard config show --json | jq .conduits")
def show_effective(*, config: Config = None, as_json: Json = False) -> None:
    """Print the settings in force with all defaults filled in; policies only by name, size and digest."""
    import msgspec

    settings = msgspec.to_builtins(settings_file.loaded(config_path(config)))
    for conduit in settings["conduits"]:
        policy = conduit["policy"]
        conduit["policy"] = {
            "source": policy["source"],
            "digest": policy["digest"],
            "rules": len(policy["rules"]) + len((policy["opcua"] or {"rules": ()})["rules"]),
            "points": len(policy["points"]),
        }
    if as_json:
        show.as_json(settings)
        return
    for name, value in _flat("", settings):
        show.line(f"{name} = {json.dumps(value)}")


@app.command(epilog="Example: icsguard config schema > icsguard.schema.json")
def schema(
    *, policy: Annotated[bool, typer.Option("--policy", help="The schema of policy files instead.")] = False
) -> None:
    """Print the JSON schema of icsguard.toml, for editors that complete and check as you type."""
    from icsguard.config.policy_schema import PolicyFile
    from icsguard.config.schema import MainFile

    typer.echo(json.dumps((PolicyFile if policy else MainFile).model_json_schema(), indent=2))


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    """Return nested options as dotted names with plain values."""
    if isinstance(value, dict):
        return [leaf for name, inner in value.items() for leaf in _flat(f"{prefix}.{name}".lstrip("."), inner)]
    if isinstance(value, list | tuple) and value and isinstance(value[0], dict):
        named = ((item.get("name", number), item) for number, item in enumerate(value))
        return [leaf for name, item in named for leaf in _flat(f"{prefix}.{name}", item)]
    return [(prefix, value)]
