"""Writes docs/reference/limits.md: every named bound of icsguard, its value, and what happens when it is reached.

A bound is a module constant `MAX_…`; its reason is the string below it or the comment beside it. One without a reason
is a law of the protocol or of arithmetic, not a choice, and is left out. `python tools/limits.py` writes the page,
`--check` says whether it is as the code is.
"""

import ast
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "reference" / "limits.md"
HEAD = """# Limits

Every buffer, table and queue of icsguard has a named bound, a reason for it, and a declared answer when it is reached.
This page is made from the code by `python tools/limits.py`. Bounds that a site may change are options of the
conduit: see the configuration reference (`max_clients`, `max_in_flight`, the timeouts).

"""
SKIPPED = ("cli", "lab", "learn")
"""Packages that are not in the running processes."""


class Limit(NamedTuple):
    """One bound."""

    module: str
    name: str
    value: str
    reason: str


def limits_of(file: Path) -> list[Limit]:
    """Return the bounds of one module, in their order."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    module = file.relative_to(ROOT / "icsguard").with_suffix("").as_posix()
    found = []
    body = ast.parse(text).body
    for node, after in zip(body, [*body[1:], None], strict=True):
        target = (
            node.target
            if isinstance(node, ast.AnnAssign)
            else node.targets[0]
            if isinstance(node, ast.Assign)
            else None
        )
        if not isinstance(target, ast.Name) or not target.id.startswith("MAX_") or node.value is None:
            continue
        reason = _below(after) or _beside(lines[node.value.end_lineno - 1])
        found.append(Limit(module, target.id, ast.unparse(node.value), reason))
    return found


def _below(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def _beside(line: str) -> str:
    _, mark, comment = line.partition("  # ")
    return (
        comment.partition("noqa:")[2].partition(" - ")[2]
        if comment.startswith("noqa")
        else comment.strip()
        if mark
        else ""
    )


def all_limits() -> list[Limit]:
    """Return every bound, package by package."""
    files = sorted((ROOT / "icsguard").rglob("*.py"))
    return [
        limit
        for file in files
        if file.relative_to(ROOT / "icsguard").parts[0] not in SKIPPED
        for limit in limits_of(file)
    ]


def page() -> str:
    """Return the page."""
    parts, package = [HEAD], ""
    for limit in all_limits():
        if not limit.reason:
            continue
        first = limit.module.split("/")[0]
        if first != package:
            package = first
            parts.append(
                f"\n## {package}\n\n| bound | value | where | why, and what happens then |\n|---|---|---|---|\n"
            )
        reason = limit.reason.replace("|", "\\|")
        parts.append(f"| `{limit.name}` | `{limit.value}` | {limit.module} | {reason} |\n")
    return "".join(parts)


def main() -> int:
    """Write or check the page."""
    if "--check" not in sys.argv:
        PAGE.write_text(page(), encoding="utf-8")
        return 0
    if PAGE.read_text(encoding="utf-8") == page():
        return 0
    print("docs/reference/limits.md is not as the code is: run `python tools/limits.py`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
