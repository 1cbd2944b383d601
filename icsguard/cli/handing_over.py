"""Files that root wrote become those of the user whose state folder it is: the shadow must be able to read them."""

from __future__ import annotations

import os
from pathlib import Path


def hand_over(state: Path, models: Path) -> None:
    """Where root learns, give models and keys to the user whose state folder it is: the shadow must read them."""
    if os.geteuid() != 0 or not state.exists():
        return
    owner = state.stat()
    for folder in (models, state / "keys"):
        for path in (folder, *folder.rglob("*")) if folder.exists() else ():
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
