"""Reads the files of a configuration so that `config` can stay pure: icsguard.toml, what it names, what is shipped."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from icsguard.config.load import check, referenced
from icsguard.config.policy_file import PACK_FILES
from icsguard.config.problem import Findings, Problem, Problems
from icsguard.config.settings import Settings
from icsguard.runtime.places import rules_dir

MAX_FILE: Final = 8 * 1024 * 1024  # bytes of one file: what is larger was not written by a person


@dataclass(frozen=True, slots=True)
class Gathered:
    """The texts of a configuration."""

    main: str
    """Absolute path of icsguard.toml, also its key in `files`."""
    files: dict[str, str] = field(default_factory=dict)
    """Text of each file: others under the name by which icsguard.toml calls them, packs as `shipped:NAME.toml`."""
    problems: tuple[Problem, ...] = ()
    """What could not be read."""

    @property
    def sources(self) -> dict[Path, str]:
        """Text of each file of the site, by its whole path; what is shipped is not among them."""
        folder = Path(self.main).parent
        return {folder / name: text for name, text in self.files.items() if not name.startswith(PACK_FILES)}


def gather(path: Path) -> Gathered:
    """Read icsguard.toml at `path` and everything it names. Never raises for a file that cannot be read."""
    findings = Findings()
    main = str(path.absolute())
    files: dict[str, str] = dict(shipped_rules())
    text = _text(path.absolute(), findings, hint="icsguard init writes one")
    if text is not None:
        files[main] = text
        for name in referenced(text):
            found = _text(path.absolute().parent / name, findings, hint=f"it is named in {main}")
            if found is not None:
                files[name] = found
    return Gathered(main, files, findings.all())


def shipped_rules() -> dict[str, str]:
    """Return the shipped rule packs and tables by name."""
    folder = rules_dir()
    return {f"{PACK_FILES}{file.name}": file.read_text(encoding="utf-8") for file in sorted(folder.glob("*.toml"))}


def check_config(path: Path) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Return the settings at `path`, None where there are errors; and every error and warning."""
    return check_gathered(gather(path))


def check_gathered(gathered: Gathered) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Do the same with texts that were read."""
    if gathered.main not in gathered.files:
        return None, gathered.problems
    settings, problems = check(gathered.files, gathered.main)
    return settings, (*gathered.problems, *_placed(problems, gathered))


def load_config(path: Path) -> Settings | Problems:
    """Return the settings at `path`, or all errors."""
    settings, problems = check_config(path)
    if settings is not None:
        return settings
    findings = Findings()
    for problem in problems:
        findings.note(problem)
    return findings.as_problems()


def _placed(problems: tuple[Problem, ...], gathered: Gathered) -> list[Problem]:
    """Return the problems with whole paths, so that an editor can jump there."""
    names = referenced(gathered.files[gathered.main])
    folder = Path(gathered.main).parent
    paths = {name: str(folder / name) for name in names}
    # A file that cannot be read has its own line with the cause: "cannot read" alone would repeat it.
    repeated = {f"cannot read {name!r}" for name in names if name not in gathered.files}
    return [replace(p, file=paths.get(p.file, p.file)) for p in problems if p.message not in repeated]


def read_text(path: Path) -> str | Problem:
    """Return the text of one file, or why it cannot be read."""
    findings = Findings()
    text = _text(path, findings, hint="")
    return findings.all()[0] if text is None else text


def _text(path: Path, findings: Findings, *, hint: str) -> str | None:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        findings.error(str(path), 0, "there is no such file", hint)
        return None
    except PermissionError:
        findings.error(str(path), 0, "this user may not read it", f"chmod or chown {path}")
        return None
    except OSError as error:
        findings.error(str(path), 0, f"it cannot be read: {error.strerror}", hint)
        return None
    if len(data) > MAX_FILE:
        findings.error(str(path), 0, f"it is larger than {MAX_FILE} bytes", "is it the right file?")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        findings.error(str(path), line, "it is not UTF-8 text", "save it as UTF-8")
        return None
