"""What an installation adds to the wheel where ICSGUARD_COMPILE=1 asks for it: the compiled core, as icsguard/_core.

Without it the wheel is pure Python and the same on every machine.
"""

import os
import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NEEDED = ["mypy>=2.4,<3", "setuptools>=65"]


class CompiledCore(BuildHookInterface):  # type: ignore[type-arg, misc] # hatchling's own generic, without types
    """Builds the core into the wheel."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what building takes."""
        return NEEDED if self._is_wanted("standard") else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it, and have the wheel named after this Python and machine."""
        if not self._is_wanted(version):
            return
        place = Path(self.root) / "build" / "core-of-wheel"
        tool = runpy.run_path(str(Path(self.root) / "tools" / "compile_core.py"))
        tool["build"](place)
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"][str(place)] = "icsguard/_core"

    def _is_wanted(self, version: str) -> bool:
        return self.target_name == "wheel" and version == "standard" and os.environ.get("ICSGUARD_COMPILE") == "1"
