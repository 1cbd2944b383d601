"""With ICSGUARD_REQUIRE_PEERS=1 a skipped peer test fails the run; without it, it is a skip."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

MISSING_IN_TEST = """
import pytest

@pytest.mark.peer
def test_meets_a_peer():
    pytest.skip("mbpoll is not installed")
"""
MISSING_BY_MARK = """
import pytest

@pytest.mark.peer
@pytest.mark.skipif(True, reason="mbpoll is not installed")
def test_meets_a_peer():
    raise AssertionError
"""
MISSING_MODULE = """
import pytest

pytest.importorskip("no_such_peer_module")
pytestmark = pytest.mark.peer
"""
NOT_A_PEER = """
import pytest

def test_of_something_optional():
    pytest.skip("no recorded traffic")
"""


@pytest.fixture
def run(tmp_path: Path, repo: Path):
    def run(source: str, require: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "conftest.py").write_text((repo / "tests" / "conftest.py").read_text(encoding="utf-8"))
        (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = peer: real\n")
        (tmp_path / "test_one.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
        env = os.environ | {"ICSGUARD_REQUIRE_PEERS": require}
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=50)

    return run


@pytest.mark.parametrize("source", [MISSING_IN_TEST, MISSING_BY_MARK, MISSING_MODULE])
def test_a_skipped_peer_test_fails_where_peers_are_required(run, source):
    result = run(source, "1")
    assert result.returncode not in (0, 5), result.stdout
    assert "met no peer" in result.stdout


@pytest.mark.parametrize("source", [MISSING_IN_TEST, NOT_A_PEER])
def test_a_skip_is_a_skip_elsewhere(run, source):
    result = run(source, "0")
    assert 0 == result.returncode, result.stdout
    assert "1 skipped" in result.stdout


def test_a_skip_for_another_reason_than_a_peer_stays_a_skip(run):
    result = run(NOT_A_PEER, "1")
    assert 0 == result.returncode, result.stdout
    assert "1 skipped" in result.stdout
