"""What every test may ask for, and the rule that a promised peer is really met.

With ICSGUARD_REQUIRE_PEERS=1 (as in CI) a test marked ``peer`` may not be skipped: its skip counts as a failure, so
that a missing program cannot turn a check into silence.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_PEERS = os.environ.get("ICSGUARD_REQUIRE_PEERS") == "1"


@pytest.fixture(scope="session")
def repo() -> Path:
    """Top of the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def captures() -> Path:
    """Folder of recorded real traffic (ICSGUARD_DATA); it is not part of the project, so its tests may be skipped."""
    folder = Path(os.environ.get("ICSGUARD_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no recorded traffic here: set ICSGUARD_DATA to a folder that holds it")
    return folder


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if REQUIRE_PEERS and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("peer"):
        _fail(report, item.nodeid)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    report = yield
    if REQUIRE_PEERS and report.skipped and "mark.peer" in collector.path.read_text(encoding="utf-8"):
        _fail(report, collector.nodeid)  # a module skipped as a whole, for instance by importorskip
    return report


def _fail(report, nodeid: str) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{nodeid} met no peer, and ICSGUARD_REQUIRE_PEERS=1 says that it must: {reason}"
