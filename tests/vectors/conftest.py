"""Reads the vectors: one test per entry, named by its file and its number."""

from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent


class Vector(NamedTuple):
    """One entry: what was sent, what was asked before (responses only), and the text beside it."""

    defect: str
    """Code that the file is named by; empty for sound ones."""
    raw: bytes
    asked: bytes
    text: str


def unhexed(text: str) -> bytes:
    """Return the bytes of grouped hex digits; `00*3` is three zeros."""
    out = b""
    for word in text.split():
        digits, _, times = word.partition("*")
        out += bytes.fromhex(digits) * (int(times) if times else 1)
    return out


def vectors(folder: str) -> dict[str, Vector]:
    """Return the entries of all files of a folder by name."""
    found = {}
    for file in sorted((HERE / folder).glob("*.txt")):
        defect = "" if file.stem == "sound" else file.stem
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            entry = line.partition("#")[0].strip()
            if not entry:
                continue
            sent, semicolon, text = entry.partition(";")
            assert semicolon, f"{file.name}:{number} has no text"
            asked, _, raw = sent.strip(" >").rpartition("<")
            found[f"{file.stem}:{number}"] = Vector(defect, unhexed(raw), unhexed(asked), text.strip())
    return found


FIXTURES = {  # name: folder, and whether only sound or only defective entries are meant
    "request_vector": ("modbus/requests", None),
    "sound_request": ("modbus/requests", True),
    "response_vector": ("modbus/responses", None),
    "sound_response": ("modbus/responses", True),
    "stream": ("modbus/streams", None),
    "rtu_answer": ("modbus/rtu", None),
}


def pytest_generate_tests(metafunc):
    for name, (folder, sound) in FIXTURES.items():
        if name in metafunc.fixturenames:
            entries = {key: v for key, v in vectors(folder).items() if sound is None or sound == (v.defect == "")}
            metafunc.parametrize(name, list(entries.values()), ids=list(entries))
