"""Give the members of enumerations that functions name a place of their own, for the compiler.

`Decision.ALLOW` in a function costs the compiled core what it costs Python: a look-up in the module, another one in the
class behind a metaclass, some 80 ns together, and a judged write names 75 of them. A final name of the module is a
variable in C. The sources stay as they are: this rewrites the copy that is compiled.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

KINDS: Final = {"Enum", "IntEnum", "StrEnum", "IntFlag", "Flag"}


def enumerations(package: Path) -> set[str]:
    """Return the names of all classes below `package` that are enumerations."""
    found = set[str]()
    for path in package.rglob("*.py"):
        text = path.read_text()
        if "Enum" in text or "Flag" in text:
            classes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ClassDef)]
            found |= {one.name for one in classes if any(getattr(base, "id", "") in KINDS for base in one.bases)}
    return found


def rewritten(text: str, names: set[str]) -> str:
    """Return a module with a final name for each member of these imported enumerations that its functions name."""
    tree = ast.parse(text)
    here = _imported(tree) & names
    uses = [use for top in tree.body for use in _uses(top, inside=False) if _name(use) in here]
    if not uses:
        return text
    lines = text.encode().split(b"\n")
    for use in sorted(uses, key=lambda one: (one.lineno, one.col_offset), reverse=True):
        line = lines[use.lineno - 1]
        lines[use.lineno - 1] = line[: use.col_offset] + _final(use).encode() + line[use.end_col_offset :]
    finals = sorted({f"{_final(use)}: _Final = {_name(use)}.{use.attr}" for use in uses})
    after = max(node.end_lineno or 0 for node in tree.body if _is_import(node))
    lines[after:after] = [b"from typing import Final as _Final", *(line.encode() for line in finals)]
    return b"\n".join(lines).decode()


def _imported(tree: ast.Module) -> set[str]:
    """Return what the module imports by name and has when it runs."""
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name for node in imports for alias in node.names if alias.asname is None}


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


def _uses(node: ast.AST, *, inside: bool) -> Iterator[ast.Attribute]:
    """Yield `Name.MEMBER` wherever a function reads one, but for patterns, where a bare name would match anything."""
    if isinstance(node, ast.MatchValue | ast.arguments):
        return
    if inside and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.attr.isupper():
        yield node
        return
    within: Sequence[ast.AST] = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        inside, within = True, node.body
    elif isinstance(node, ast.AnnAssign):
        within = [node.value] if node.value is not None else []
    for child in within:
        yield from _uses(child, inside=inside)


def _name(use: ast.Attribute) -> str:
    return use.value.id if isinstance(use.value, ast.Name) else ""


def _final(use: ast.Attribute) -> str:
    return f"_{_name(use)}_{use.attr}"
