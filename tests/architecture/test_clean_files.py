"""Tracked files name no package index, no path of one machine, and only techniques that ATT&CK for ICS knows."""

import re
import tomllib
from pathlib import Path

# Written so that this file does not match itself.
INDEX = re.compile(r"(?:pypi|pythonhosted|npmjs|yarnpkg)\.(?:org|com)|--(?:extra-)?index-(?:url)|--find-(?:links)")
MACHINE = re.compile(r"/(?:work/(?:main|shared)|tmp/brief|root/|home/[a-z]\w*/|Users/\w+/)")
TECHNIQUE = re.compile(r"\b[TM]0[89]\d{2}\b")


def matches(texts: list[tuple[Path, str]], repo: Path, pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{file.relative_to(repo)}:{number}: {line.strip()[:100]}"
        for file, text in texts
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_package_index(texts: list[tuple[Path, str]], repo: Path):
    assert [] == matches(texts, repo, INDEX)


def test_no_file_names_a_path_of_one_machine(texts: list[tuple[Path, str]], repo: Path):
    assert [] == matches(texts, repo, MACHINE)


def test_no_file_is_too_large_to_read_or_to_clone(tracked: list[Path], repo: Path):
    most = 1_000_000  # bytes: a shipped model has some ten thousand, a page of documentation fewer
    assert [] == [str(file.relative_to(repo)) for file in tracked if file.stat().st_size > most]


def test_no_capture_of_foreign_traffic_is_tracked(tracked: list[Path], repo: Path):
    captures = [file for file in tracked if file.suffix in {".pcap", ".pcapng", ".cap"}]
    assert [] == [str(file.relative_to(repo)) for file in captures if "vectors" not in file.parts]


def test_every_technique_named_is_one_of_attack_for_ics(texts: list[tuple[Path, str]], repo: Path):
    table = (repo / "rules" / "attack-ics.toml").read_text(encoding="utf-8")
    tomllib.loads(table)  # the table itself is well formed
    known = set(TECHNIQUE.findall(table))
    sources = [(file, text) for file, text in texts if file.suffix in {".py", ".toml", ".json", ".md"}]
    named = {(id_, str(file.relative_to(repo))) for file, text in sources for id_ in TECHNIQUE.findall(text)}
    assert [] == sorted(pair for pair in named if pair[0] not in known)
