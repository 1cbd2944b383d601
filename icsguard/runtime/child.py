"""A process of icsguard that ends with its supervisor: `python -m icsguard.runtime.child MODULE ARGUMENTS…`.

Without this, a killed supervisor would leave a gateway behind that holds the ports and that nobody restarts.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from icsguard.runtime import compiled

_PR_SET_PDEATHSIG: Final = 1  # prctl(2)
MODULES: Final = ("icsguard.runtime.gateway", "icsguard.runtime.shadow", "icsguard.runtime.recorder")
"""What may be started this way."""


def end_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM to this process when its parent ends; exit now if that has happened already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it ended between the start of this process and the call above
        sys.exit(1)


def main(argv: Sequence[str]) -> int:
    """Run one of MODULES in this process, tied to the life of the parent whose process id comes first."""
    parent, module, *arguments = argv
    if module not in MODULES:
        print(f"icsguard: no process is called {module}", file=sys.stderr)  # noqa: T201 - before any logging
        return 2
    end_with_parent(int(parent))
    if module == MODULES[0]:
        gc.disable()  # until everything is there: see the gateway
        compiled.choose()
    status: int = importlib.import_module(module).main(arguments)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
