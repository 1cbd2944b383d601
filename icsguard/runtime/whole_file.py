"""Files that are whole at every moment: written beside their place, flushed to the disk, and put there at once."""

from __future__ import annotations

import os
from pathlib import Path


def put(path: Path, content: bytes, mode: int) -> None:
    """Put `content` in place of whatever `path` was, or leave that as it is. Raises OSError."""
    fresh = path.with_name(path.name + ".new")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    fresh.chmod(mode)
    fresh.replace(path)
