"""Write requirements/*.txt: one universal resolution of everything, then one file of pins with hashes per set.

``lock.py UV [--upgrade]``, run by ``make lock``, which provides uv. Without ``--upgrade`` present pins stay.
The files hold no address of any package index: where packages come from is the business of each machine.
"""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOWEST_PYTHON = "3.11"
# build is what makes the package, so it stands alone; every other set is complete with the core.
SETS = ("core", "lab", "learn", "fmi", "dev", "build")


def main() -> None:
    """Resolve all sets at once, then write each under the constraint of that one resolution."""
    uv, upgrade = sys.argv[1], "--upgrade" in sys.argv[2:]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core: list[str] = project["dependencies"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    everything = ROOT / "build" / "lock" / "everything.txt"
    everything.parent.mkdir(parents=True, exist_ok=True)
    everything.write_text("" if upgrade else present_pins(), encoding="utf-8")
    compile_set(uv, core + [line for extra in extras.values() for line in extra], everything, None)
    for name in SETS:
        wanted = core if name == "core" else extras[name] if name == "build" else core + extras[name]
        compile_set(uv, wanted, locked(name), everything)


def locked(name: str) -> Path:
    """File with the pins of the set ``name``."""
    return ROOT / "requirements" / f"{name}.txt"


def present_pins() -> str:
    """All pins that the files hold now, once each: the resolver keeps what it finds in its output file."""
    texts = [locked(name).read_text(encoding="utf-8") for name in SETS if locked(name).exists()]
    lines = {line.split("==")[0]: line.rstrip(" \\") for text in texts for line in text.splitlines() if is_pin(line)}
    return "\n".join(lines.values())


def is_pin(line: str) -> bool:
    """Is this the first line of a pin? The lines below it, indented, are its hashes."""
    return line[:1].isalnum()


def compile_set(uv: str, wanted: list[str], target: Path, constraint: Path | None) -> None:
    """Write the pins for ``wanted`` to ``target``. Raises CalledProcessError when they cannot be resolved."""
    command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header", "--no-annotate"]
    # One version for all Pythons: the same numpy trains and scores everywhere.
    command += ["--fork-strategy", "fewest", "--python-version", LOWEST_PYTHON, "--output-file", str(target)]
    if constraint is not None:
        command += ["--constraint", str(constraint)]
    subprocess.run([*command, "-"], input="\n".join(wanted), text=True, check=True, stdout=subprocess.DEVNULL)
    pins = sum(map(is_pin, target.read_text(encoding="utf-8").splitlines()))
    print(f"{target.relative_to(ROOT)}: {pins} pins")


if __name__ == "__main__":
    main()
