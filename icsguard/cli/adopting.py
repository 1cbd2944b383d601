"""Putting a reviewed proposal in force: checked as a whole first, then written file by file, with a way back."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from icsguard.cli.exits import CliError, ExitCode

OLD: Final = ".old"
"""Appended to the name of a file that is replaced: the last one is kept."""


class Adopted(NamedTuple):
    """What was put in place."""

    written: tuple[str, ...]
    kept: tuple[str, ...]
    """Copies of what was there before."""


def adopt(conduit: str, proposal: Path, config: Path) -> Adopted:
    """Put the policy and points of a proposal in the places that the configuration names for the conduit.

    Raises CliError, with nothing changed, where the configuration would have errors with them.
    """
    found = proposed_files(conduit, proposal)
    before = _read(config)
    main = with_keys(before, conduit, {kind: name for kind, name in found.items() if not _named(before, conduit, kind)})
    places = {kind: _named(main, conduit, kind) for kind in found}
    texts = {places[kind]: _read(proposal / name) for kind, name in found.items()}
    check_whole(config, main, texts)
    writes = {config.parent / name: text for name, text in texts.items()}
    if main != before:
        writes[config] = main
    kept = [_replace(path, text) for path, text in writes.items()]
    return Adopted(tuple(map(str, writes)), tuple(name for name in kept if name))


def proposed_files(conduit: str, proposal: Path) -> dict[str, str]:
    """Return the names of the files of a proposal by what they are. Raises CliError where there is none."""
    names = {"policy": f"{conduit}.policy.toml", "points": f"{conduit}.points.csv"}
    found = {kind: name for kind, name in names.items() if (proposal / name).is_file()}
    if "policy" not in found:
        raise CliError(f"there is no proposal in {proposal}", hint=f"icsguard learn {conduit}")
    return found


def with_keys(text: str, conduit: str, values: Mapping[str, str]) -> str:
    """Return icsguard.toml with keys of a conduit set; every comment stays."""
    if not values:
        return text
    import tomlkit
    from tomlkit.items import Table

    document = tomlkit.parse(text)
    conduits = document["conduit"]
    table = conduits[conduit] if isinstance(conduits, Table) and conduit in conduits else None
    if not isinstance(table, Table):
        raise CliError(f"the configuration has no conduit '{conduit}'", code=ExitCode.USAGE)
    for key, value in values.items():
        table[key] = value
    return tomlkit.dumps(document)


def check_whole(config: Path, main: str, texts: Mapping[str, str]) -> None:
    """Check the configuration as it would be with these files. Raises CliError."""
    from icsguard.config.load import check
    from icsguard.runtime.files import gather

    gathered = gather(config)
    settings, problems = check({**gathered.files, gathered.main: main, **texts}, gathered.main)
    if settings is None:
        text = "with this proposal the configuration would have errors, so nothing was changed:"
        raise CliError(text, details=tuple(map(str, problems)), name="configuration")


def _named(text: str, conduit: str, key: str) -> str:
    """Return the file that icsguard.toml names for a conduit, empty where it names none."""
    import tomlkit

    named = tomlkit.parse(text).unwrap().get("conduit", {}).get(conduit, {}).get(key, "")
    return named if isinstance(named, str) else ""


def _read(path: Path) -> str:
    from icsguard.config.problem import Problem
    from icsguard.runtime.files import read_text

    text = read_text(path)
    if isinstance(text, Problem):
        raise CliError(str(text))
    return text


def _replace(path: Path, text: str) -> str:
    """Write a file so that it is whole at every moment; keep a copy of what was there and return its name."""
    kept = ""
    new = path.with_name(path.name + ".new")
    try:
        if path.exists():
            shutil.copy2(path, path.with_name(path.name + OLD))
            kept = str(path.with_name(path.name + OLD))
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except PermissionError as error:
        text = f"{path} may not be written by this user"
        raise CliError(text, hint=f"sudo, or ls -ld {path.parent}", code=ExitCode.PERMISSION) from error
    except OSError as error:
        raise CliError(f"{path} cannot be written: {error.strerror}") from error
    return kept
