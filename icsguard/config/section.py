"""What every table of a configuration file has in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values keep their TOML type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
