"""The models of one conduit on disk: the champion in use, a challenger beside it, and the champions before it.

The champion lies in the conduit's folder itself, the others in folders below. Nothing here decides whether a challenger
deserves the place (`detect.promotion` does): promotion and rollback only move files, each whole, the manifest last, so
that a shadow that reads in between refuses what does not fit together and keeps what it has.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from icsguard.inference import manifest as cards
from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError
from icsguard.inference.manifest import Manifest
from icsguard.runtime.model_store import CHALLENGER, LESSON, MANIFEST, ONNX, SIGNATURE, SITE
from icsguard.runtime.whole_file import put

PREVIOUS: Final = "previous"
TRIAL: Final = "trial.json"
"""What the challenger was worth beside the champion: see `learn.trial`."""
MAX_PREVIOUS: Final = 5  # champions kept for a rollback, some MB each; beyond, the oldest is deleted
_MODE: Final = 0o640
_PARTS: Final = (ONNX, SITE)


class Role(StrEnum):
    """What a model on the shelf is there for."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    PREVIOUS = "previous"


class ShelfError(Exception):
    """Nothing was moved; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Shelved:
    """One model on the shelf."""

    role: Role
    folder: Path
    digest: str
    """First 12 hex digits of the manifest's SHA-256; empty where there is no manifest to read."""
    manifest: Manifest | None
    """None where it is refused."""
    refused: str = ""
    """Why it may not be used."""


class Shelf:
    """The models of one conduit."""

    def __init__(self, folder: Path, public_key: Path) -> None:
        self.folder, self._key = folder, public_key

    def all(self) -> tuple[Shelved, ...]:
        """Return what is there: champion, challenger, then champions of before, newest first."""
        found = [self.champion, self.challenger, *self.previous()]
        return tuple(one for one in found if one is not None)

    @property
    def champion(self) -> Shelved | None:
        """The model in use; None where nothing was learnt."""
        return self._shelved(Role.CHAMPION, self.folder)

    @property
    def challenger(self) -> Shelved | None:
        """The model on trial."""
        return self._shelved(Role.CHALLENGER, self.folder / CHALLENGER)

    def previous(self) -> list[Shelved]:
        """Return the champions of before, newest first."""
        folders = sorted((self.folder / PREVIOUS).glob("[0-9]*-*"), key=_number, reverse=True)
        found = (self._shelved(Role.PREVIOUS, folder) for folder in folders)
        return [one for one in found if one is not None]

    def promote(self) -> tuple[str, str]:
        """Put the challenger in the champion's place; return both digests, the new one first. Raises ShelfError."""
        new = self.challenger
        if new is None or new.manifest is None:
            raise ShelfError(f"there is no challenger that could be promoted{_why(new)}")
        old = self.keep()
        self._install(new.folder)
        shutil.rmtree(new.folder)
        return new.digest, old

    def rollback(self, digest: str = "") -> tuple[str, str]:
        """Put the newest champion of before (or the named one) back; return both digests. Raises ShelfError."""
        found = [one for one in self.previous() if one.digest.startswith(digest)]
        if not found:
            wanted = f" {digest}" if digest else ""
            raise ShelfError(f"there is no earlier model{wanted} to go back to")
        new = found[0]
        if new.manifest is None:
            raise ShelfError(f"the earlier model {new.digest} may not be used: {new.refused}")
        old = self.keep()
        self._install(new.folder)
        shutil.rmtree(new.folder)
        return new.digest, old

    def discard(self) -> str:
        """Delete the challenger; return its digest. Raises ShelfError."""
        old = self.challenger
        if old is None:
            raise ShelfError("there is no challenger")
        shutil.rmtree(old.folder)
        return old.digest

    def retire(self) -> str:
        """Take the champion out of use and keep it for a rollback; return its digest. Raises ShelfError."""
        old = self.champion
        if old is None:
            raise ShelfError("there is no model in use")
        self.keep()
        for name in (MANIFEST, SIGNATURE, *_PARTS, LESSON):  # the manifest first: without it nothing is read
            (self.folder / name).unlink(missing_ok=True)
        return old.digest

    def _shelved(self, role: Role, folder: Path) -> Shelved | None:
        try:
            text = _bytes(folder / MANIFEST, cards.MAX_MANIFEST)
        except FileNotFoundError:
            return None
        name = cards.digest(text)[: cards.SHORT]
        try:
            signature.check(_bytes(self._key, 64), text, _bytes(folder / SIGNATURE, 64))
            manifest = cards.decode(text)
            for part in _PARTS:
                cards.check_file(manifest, part, (folder / part).read_bytes())
        except (ModelRefusedError, OSError) as error:
            return Shelved(role, folder, name, None, str(error))
        return Shelved(role, folder, name, manifest)

    def keep(self) -> str:
        """Copy the champion to where rollbacks find it; return its digest, empty where there is none worth keeping."""
        old = self.champion
        if old is None or old.manifest is None:
            return ""
        known = self.previous()
        number = max((_number(one.folder) for one in known), default=0) + 1
        _copy(self.folder, self.folder / PREVIOUS / f"{number}-{old.digest}")
        for one in known[MAX_PREVIOUS - 1 :]:
            shutil.rmtree(one.folder)
        return old.digest

    def _install(self, source: Path) -> None:
        _copy(source, self.folder)


def _copy(source: Path, target: Path) -> None:
    """Copy one model, manifest last."""
    target.mkdir(parents=True, exist_ok=True, mode=0o750)
    if not (source / LESSON).exists():
        (target / LESSON).unlink(missing_ok=True)
    for name in (*_PARTS, LESSON, SIGNATURE, MANIFEST):
        if name != LESSON or (source / name).exists():
            put(target / name, (source / name).read_bytes(), _MODE)


def _number(folder: Path) -> int:
    return int(folder.name.partition("-")[0])


def _why(one: Shelved | None) -> str:
    return f": {one.refused}" if one is not None else ""


def _bytes(path: Path, most: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(most)
