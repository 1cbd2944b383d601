"""The table of ATT&CK for ICS techniques that comes with icsguard: a rule may name no other."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Final

from icsguard.config.policy_file import PACK_FILES, Draft
from icsguard.config.problem import Findings
from icsguard.policy.nodes.rules import NodeRule
from icsguard.policy.rules import Rule

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
    nodes = draft.nodes.rules if draft.nodes is not None else []
    every: tuple[tuple[tuple[str, ...], Sequence[Rule | NodeRule]], ...]
    every = ((("rule",), draft.rules), (("opcua", "rule"), nodes))
    for path, rules in every:
        for index, rule in enumerate(rules):
            if rule.technique and not rule.pack and rule.technique not in known:
                line = draft.lines.at(*path, index, "technique")
                told = f"unknown technique {rule.technique!r}"
                findings.error(draft.file, line, told, "rules/attack-ics.toml lists them")
