"""Build the wheel and check, in an environment of its own, that an installed icsguard finds all that it ships.

Run by ``make package``. The dependencies are lent by the environment that runs this file; icsguard itself comes from
the wheel alone.
"""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("rules", "models", "systemd")
PROBE = """
import importlib.metadata, icsguard
from icsguard.runtime import places
assert "_data" in str(places.rules_dir()), places.rules_dir()
for name in ("rules", "models", "systemd"):
    try:
        folder = places.shipped_dir(name)
    except places.ShippedDataMissingError as error:
        raise SystemExit(str(error))
    print(folder.name, *sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()))
assert icsguard.__version__ == importlib.metadata.version("icsguard")
"""


def main() -> int:
    """Build into dist/, install aside, compare what arrived with what the checkout holds. Returns the exit status."""
    dist = ROOT / "dist"
    for old in dist.glob("icsguard-*.whl"):
        old.unlink()
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run([*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(dist), str(ROOT)])
    (wheel,) = dist.glob("icsguard-*.whl")
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(scratch, with_pip=False)
        python = str(Path(scratch) / "bin" / "python")
        target = run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip()
        run([*pip, "install", "--quiet", "--no-deps", "--target", target, str(wheel)])
        found = run([python, "-c", PROBE], cwd=scratch)
    expected = "".join(f"{name} {' '.join(shipped_files(name))}\n" for name in SHIPPED)
    if found != expected:
        print(
            f"{wheel.name} does not ship what the checkout holds\nexpected:\n{expected}found:\n{found}", file=sys.stderr
        )
        return 1
    print(f"{wheel.relative_to(ROOT)}: {wheel.stat().st_size // 1024} kB, ships {', '.join(SHIPPED)}")
    return 0


def shipped_files(name: str) -> list[str]:
    """Files of the folder ``name`` that git knows: what a fresh clone would ship."""
    listed = run(["git", "-C", str(ROOT), "ls-files", "--", name]).split()
    return sorted(str(Path(file).relative_to(name)) for file in listed)


def run(command: list[str], cwd: str | None = None) -> str:
    """Output of ``command``. Raises CalledProcessError when it fails; what it said is already on the terminal."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(command, cwd=cwd, env=clean, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:  # what the command itself said stands above
        sys.exit(f"package: {' '.join(error.cmd[:2])} … ended with status {error.returncode}")
