"""Install pinned sets of packages and icsguard itself into the environment that runs this file, showing progress.

``install.py SET…`` with the sets of requirements/. pip does the work and checks each hash; here its output becomes one
moving line on a terminal, and its last lines are shown only when it fails. Standard library only: nothing else is here
yet when it runs.
"""

import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install")
MAX_SHOWN_LINES = 15  # of a failed pip: its diagnosis stands at the end
# What pip says → what to do about it; the first that fits is told.
HINTS = (
    ("No space left", "the disk is full: icsguard needs about 500 MB here"),
    (
        "DO NOT MATCH THE HASHES",
        "a package is not the one that was pinned: do not use it, and look at your package mirror",
    ),
    ("Python.h", "a package must be compiled here and Python's headers are missing: apt install python3-dev"),
    ("gcc", "a package must be compiled here and there is no compiler: apt install build-essential python3-dev"),
    ("", "check the network, then try again"),
)
STEPS = ("Collecting", "Downloading", "Installing", "Using cached")


def main() -> int:
    """Install the sets named on the command line, then icsguard as an editable package. Returns the exit status."""
    sets = [*sys.argv[1:], "build"]
    files = [ROOT / "requirements" / f"{name}.txt" for name in sets]
    lines = [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    count = len({line.split("==")[0] for line in lines if line[:1].isalnum()})
    print(f"Installing {count} pinned packages ({' '.join(sets)}): about a minute with a fast network", flush=True)
    started = time.monotonic()
    wanted = [part for file in files for part in ("-r", str(file))]
    if not run_pip(["--require-hashes", *wanted]):
        return 1
    # Nothing is resolved or fetched here: the pins above brought what builds and what runs icsguard.
    if not run_pip(["--no-deps", "--no-build-isolation", "--editable", str(ROOT)]):
        return 1
    print(f"Installed in {time.monotonic() - started:.0f} s", flush=True)
    return 0


def run_pip(arguments: list[str]) -> bool:
    """Run pip, show where it is, and tell whether it succeeded; after a failure its last lines are printed."""
    last: deque[str] = deque(maxlen=MAX_SHOWN_LINES)
    with subprocess.Popen([*PIP, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        for line in pip.stdout or ():
            last.append(line.rstrip())
            show(line)
    clear()
    if pip.returncode:
        print("\n".join(last), file=sys.stderr)
        print(f"pip could not install the packages (its last lines stand above): {hint(last)}", file=sys.stderr)
    return pip.returncode == 0


def hint(lines: Iterable[str]) -> str:
    """What the operator can do after pip ended with these lines."""
    text = "\n".join(lines)
    return next(advice for sign, advice in HINTS if sign in text)


def show(line: str) -> None:
    """Show pip's present step on one line of a terminal; a file or a pipe gets nothing."""
    if sys.stdout.isatty() and line.strip().startswith(STEPS):
        print(f"\r\033[K  {line.strip().split(' (from')[0][:70]}", end="", flush=True)


def clear() -> None:
    """Leave the moving line empty."""
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)


if __name__ == "__main__":
    sys.exit(main())
