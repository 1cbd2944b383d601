"""`icsguard version`: what is installed here."""

from __future__ import annotations

import platform
from importlib.util import find_spec

import typer

from icsguard import __version__
from icsguard.cli import show
from icsguard.cli.options import Json


def version(*, as_json: Json = False) -> None:
    """Print the version of icsguard and of what it runs on."""
    facts = {
        "icsguard": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "core": core(),
    }
    if as_json:
        show.as_json(facts)
        return
    typer.echo(f"icsguard {facts['icsguard']}  (Python {facts['python']}, {facts['system']}, {facts['core']} core)")


def core() -> str:
    """Return `compiled` where the per-frame code runs as C extensions, `Python` where it runs as it is written."""
    session = find_spec("icsguard.conversation.session")
    return "Python" if session is None or (session.origin or "").endswith(".py") else "compiled"
