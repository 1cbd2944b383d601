"""`icsguard version`: what is installed here."""

from __future__ import annotations

import platform

import typer

from icsguard import __version__
from icsguard.cli import show
from icsguard.cli.options import Json
from icsguard.runtime import compiled


def version(*, as_json: Json = False) -> None:
    """Print the version of icsguard and of what it runs on."""
    core = compiled.find()
    facts = {
        "icsguard": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "core": core.name,
        "core_why": core.why,
    }
    if as_json:
        show.as_json(facts)
        return
    typer.echo(f"icsguard {facts['icsguard']}  (Python {facts['python']}, {facts['system']}, {facts['core']} core)")
