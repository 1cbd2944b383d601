"""The table of ATT&CK for ICS techniques that comes with icsguard: a rule may name no other."""

from __future__ import annotations

import tomllib
from typing import Final

from icsguard.config.node_file import Path
from icsguard.config.policy_file import PACK_FILES, Draft
from icsguard.config.problem import Findings

TECHNIQUES: Final = f"{PACK_FILES}attack-ics.toml"
"""Under this name it stands in the caller's files."""


def techniques(text: str) -> dict[str, str]:
    """Return id to name. Raises ValueError for a damaged table."""
    return {row["id"]: row["name"] for row in tomllib.loads(text)["technique"]}


def check_techniques(draft: Draft, text: str | None, findings: Findings) -> None:
    """Note every rule that names an unknown technique; without a table nothing is known to be wrong."""
    if text is None:
        return
    known = techniques(text)
    named: list[tuple[Path, str]] = [
        (("rule", at), one.technique) for at, one in enumerate(draft.rules) if not one.pack
    ]
    nodes = draft.nodes.rules if draft.nodes is not None else []
    named += [(("opcua", "rule", at), one.technique) for at, one in enumerate(nodes) if not one.pack]
    for path, technique in named:
        if technique and technique not in known:
            line = draft.lines.at(*path, "technique")
            findings.error(draft.file, line, f"unknown technique {technique!r}", "rules/attack-ics.toml lists them")
