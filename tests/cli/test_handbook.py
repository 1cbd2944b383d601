"""Every command line that the handbook shows is one that the command line understands."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from icsguard.cli.app import COMMANDS, GROUPS, build

HANDBOOK = Path(__file__).resolve().parents[2] / "docs" / "operator"
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def shown():
    """Yield page and command line of everything that stands after a prompt."""
    for page in sorted(HANDBOOK.glob("*.md")):
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            yield from ((page.name, line[2:]) for line in block.splitlines() if line.startswith("$ icsguard"))


def understand(command, name, arguments, parent=None):
    """Parse a command line down to its last option; nothing is run. Raises typer's usage error."""
    context = command.make_context(name, list(arguments), parent=parent)
    if hasattr(command, "resolve_command"):
        inner, below, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        understand(below, inner, rest, context)


@pytest.fixture(scope="module")
def everything():
    return typer.main.get_command(build([*COMMANDS, *GROUPS]))


@pytest.mark.parametrize(("page", "line"), list(shown()))
def test_a_line_of_the_handbook_is_understood(everything, page, line):
    del page
    understand(everything, "icsguard", shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_in_a_help_is_understood(everything, name):
    understand(everything, "icsguard", shlex.split(COMMANDS[name].example.partition(" | ")[0])[1:])


def test_a_line_that_is_wrong_would_be_found(everything):
    with pytest.raises(Exception, match="No such option"):
        understand(everything, "icsguard", ["status", "--nonsense"])


def test_every_page_of_the_handbook_is_in_its_index():
    index = (HANDBOOK / "README.md").read_text(encoding="utf-8")
    assert all(f"({page.name})" in index for page in HANDBOOK.glob("*.md") if page.name != "README.md")


def test_the_commands_in_groups_have_examples_that_are_understood(everything, icsguard):
    for group in GROUPS:
        for name in everything.commands[group].commands:
            example = re.search(r"Example: (icsguard .*)", icsguard(group, name, "--help").out.replace("\n  ", " "))
            assert example, f"icsguard {group} {name} has no example"
            line = re.split(r" [|>] ", example[1])[0]
            understand(everything, "icsguard", shlex.split(line)[1:])
