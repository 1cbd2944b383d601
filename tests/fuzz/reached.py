"""Measures which branches the campaign's own short form reaches, in a process of its own."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from table import CODEC, CONVERSATION

RUNS = (("--inputs=120000",), ("--inputs=3000", "--target=own links", "--target=shared links"))
"""The short form, and as many conversations as rare turns need; under coverage they take half a minute."""
HERE = Path(__file__).resolve().parent
PARTS = {CODEC: "icsguard/protocols/modbus/", CONVERSATION: "icsguard/conversation/"}
UNREACHABLE = "icsguard/protocols/modbus/support.py"
"""Writes the reference page from the tables: no input comes near it."""
OTHERS = "icsguard/conversation/opcua/"
"""The campaign of another protocol reaches it."""


def measure(seed):
    """Return the percentage of branches that are reached of each part; empty where coverage is not installed."""
    if importlib.util.find_spec("coverage") is None:
        sys.stderr.write("coverage is not installed: what the inputs reach is not measured\n")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        data, report = f"--data-file={folder}/data", Path(folder) / "report.json"
        run = [data, "--branch", "--append", f"--source={','.join(PARTS.values())}", HERE / "campaign.py"]
        coverage, top = [sys.executable, "-m", "coverage"], HERE.parent.parent
        for options in RUNS:
            command = [*coverage, "run", *run, f"--seed={seed}", *options]
            subprocess.run(command, cwd=top, check=False, capture_output=True)
        subprocess.run([*coverage, "json", data, "-q", "-o", report], cwd=top, check=True)
        files = json.loads(report.read_text(encoding="utf-8"))["files"]
    return {name: _branches(files, folder) for name, folder in PARTS.items()}


def _branches(files, folder):
    own = [name for name in files if name.startswith(folder) and not name.startswith((UNREACHABLE, OTHERS))]
    sums = [files[name]["summary"] for name in own]
    return 100 * sum(one["covered_branches"] for one in sums) / max(1, sum(one["num_branches"] for one in sums))
