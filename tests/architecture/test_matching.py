"""Every module has its test file at the same place under tests/, and every package says its place in the story."""

import ast
from pathlib import Path

# Module → why no test file of its own is asked for.
EXCEPTIONS: dict[str, str] = {}


def expected_test(module: Path) -> Path:
    return module.with_name(f"test_{module.name.lstrip('_')}")


def test_every_module_has_a_test_file(repo: Path, modules: list[Path]):
    sources = [m for m in modules if m.name not in {"__init__.py", "__main__.py"} and m.as_posix() not in EXCEPTIONS]
    missing = [f"{m}: tests/{expected_test(m)}" for m in sources if not (repo / "tests" / expected_test(m)).is_file()]
    assert not missing, "\n".join(missing)


def test_every_exception_is_still_a_module(repo: Path):
    gone = [name for name in EXCEPTIONS if not (repo / "icsguard" / name).is_file()]
    assert not gone, "\n".join(gone)


def test_every_test_file_of_a_module_holds_a_test(repo: Path, modules: list[Path]):
    files = [repo / "tests" / expected_test(module) for module in modules]
    empty = [
        str(f.relative_to(repo)) for f in files if f.is_file() and "def test_" not in f.read_text(encoding="utf-8")
    ]
    assert not empty, "\n".join(empty)


def test_every_module_says_its_place_in_the_story(repo: Path, modules: list[Path]):
    silent = []
    for module in modules:
        tree = ast.parse((repo / "icsguard" / module).read_text(encoding="utf-8"))
        first = (ast.get_docstring(tree) or "").split("\n")[0]
        if not first.endswith((".", "?", "!")) or len(first.split()) < 4:  # fewer words tell nothing
            silent.append(str(module))
    assert not silent, "\n".join(silent)


def test_every_folder_of_the_package_is_a_package(repo: Path, modules: list[Path]):
    folders = {module.parent for module in modules}
    assert [str(folder) for folder in folders if not (repo / "icsguard" / folder / "__init__.py").is_file()] == []
