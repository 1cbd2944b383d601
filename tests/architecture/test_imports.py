"""The story flows one way (import-linter), and the gateway process is as light as it is meant to be."""

import subprocess
import sys
from pathlib import Path

import pytest

# The gateway forwards; what scores, dissects or validates at length lives in other processes.
HEAVY = ("numpy", "onnxruntime", "pymodbus", "asyncua", "scapy", "pydantic")
TERMINAL = ("typer", "rich")


def loaded_by(module: str, names: tuple[str, ...]) -> str:
    """Those of ``names`` that a fresh interpreter holds after importing ``module``."""
    code = f"import sys, {module}; print(*sorted(set({names!r}) & set(sys.modules)))"
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_every_import_contract_is_kept(repo: Path):
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    result = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False, timeout=50)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_the_gateway_process_is_light():
    assert "" == loaded_by("icsguard.runtime.gateway", HEAVY + TERMINAL)


def test_the_recorder_process_is_light():
    assert "" == loaded_by("icsguard.runtime.recorder", ("numpy", "onnxruntime", "pymodbus", "scapy", "pydantic"))


def test_the_shadow_process_knows_no_test_peer():
    assert "" == loaded_by("icsguard.runtime.shadow", ("pymodbus", "asyncua", "scapy", "onnx"))


@pytest.mark.parametrize("heavy", ["numpy", "onnxruntime", "pymodbus", "scapy", "pydantic", "cryptography"])
def test_the_command_line_starts_without(heavy: str):
    assert "" == loaded_by("icsguard.cli.app", (heavy,))
