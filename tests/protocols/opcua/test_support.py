"""The reference page is as the tables are."""

import subprocess
import sys

from icsguard.protocols.opcua.defects import DEFECTS
from icsguard.protocols.opcua.services import SERVICES
from icsguard.protocols.opcua.support import support_page


def test_the_page_is_as_the_tables_are(repo):
    assert support_page() == (repo / "docs" / "reference" / "opcua.md").read_text(encoding="utf-8")


def test_the_page_names_every_service_and_every_defect():
    page = support_page()
    assert [] == [name for name in [law.name for law in SERVICES.values()] + list(DEFECTS) if name not in page]


def test_the_module_writes_the_page():
    command = [sys.executable, "-m", "icsguard.protocols.opcua.support"]
    assert support_page() == subprocess.run(command, capture_output=True, text=True, check=True).stdout
