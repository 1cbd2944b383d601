from icsguard.cli.app import COMMANDS, GROUPS
from icsguard.cli.exits import ExitCode
from icsguard.cli.reference import EXITS, page


def test_the_page_is_what_the_command_line_says(repo):
    made = page()
    kept = (repo / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert made == kept, "run: python -m icsguard.cli.reference > docs/reference/cli.md"


def test_every_command_has_its_section():
    made = page()
    assert all(f"## icsguard {name}\n" in made for name in (*COMMANDS, *GROUPS))


def test_every_exit_code_is_explained():
    assert set(ExitCode) == set(EXITS)
