"""The page of limits is as the code is, and every bound of the data path says why it is what it is."""

import subprocess
import sys
from pathlib import Path


def test_the_page_of_limits_is_as_the_code_is(repo: Path):
    done = subprocess.run(
        [sys.executable, "tools/limits.py", "--check"], cwd=repo, capture_output=True, text=True, check=False
    )
    assert "" == done.stdout
    assert 0 == done.returncode, done.stderr


def test_every_bound_of_the_conversation_is_on_the_page(repo: Path):
    page = (repo / "docs" / "reference" / "limits.md").read_text(encoding="utf-8")
    names = {
        line.split(":")[0]
        for file in sorted((repo / "icsguard" / "conversation").glob("*.py"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if line.startswith("MAX_")
    }
    assert names
    assert set() == {name for name in names if f"`{name}`" not in page}
