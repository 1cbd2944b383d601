"""The reference page is the tables' own text."""

import runpy

from icsguard.protocols.modbus.functions import FUNCTIONS
from icsguard.protocols.modbus.support import support_page


def test_the_reference_page_is_up_to_date(repo):
    page = (repo / "docs/reference/modbus.md").read_text(encoding="utf-8")
    assert support_page() == page, "run: python -m icsguard.protocols.modbus.support > docs/reference/modbus.md"


def test_the_page_has_a_row_for_every_function():
    rows = support_page().splitlines()
    assert all(
        any(row.startswith(f"| {function} | {law.name} |") for row in rows) for function, law in FUNCTIONS.items()
    )


def test_the_page_is_written_by_the_command_that_it_names(repo, capsys):
    runpy.run_path(str(repo / "icsguard/protocols/modbus/support.py"), run_name="__main__")
    assert support_page() == capsys.readouterr().out
    assert "python -m icsguard.protocols.modbus.support" in support_page()
