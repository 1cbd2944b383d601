"""What a contender is: something between a client's port and the device's, that can be started and stopped."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench.place import Place


class Action(Protocol):
    """Something that happens to a running contender: a reload, a stopped recorder."""

    def __call__(self) -> None:
        """Do it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a contender plays."""

    place: Place
    programs: Path
    """Folder of the compiled load, device and relay."""
    folder: Path
    """The contender's own folder for configuration and logs; fresh."""
    device_port: int
    second_port: int = 0
    """A second device beside the first, for events; 0 for none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A contender that is ready for load."""

    port: int
    """Where clients connect."""
    own: tuple[int, ...] = ()
    """Processes of the data path."""
    side: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Processes beside it, by name."""
    second_port: int = 0
    """Where clients of the second device connect."""
    actions: dict[str, Callable[[], None]] = field(default_factory=dict)
    """What can be done to it, by name."""
    done: dict[str, Callable[[], int]] = field(default_factory=dict)
    """How often that has taken effect so far, where it can tell."""

    @property
    def watched(self) -> dict[str, tuple[int, ...]]:
        """All process groups whose cost is counted."""
        return {"own": self.own, **self.side}


class Contender(Protocol):
    """One contender."""

    name: str
    """As it stands in the table."""
    wrap: list[str]
    """Prefix that puts load and device where the contender is (a network namespace); empty for here."""

    def absent(self) -> str:
        """Say why it cannot run on this machine; empty where it can."""

    def version(self) -> str:
        """Say which version it is."""

    def stand(self, stage: Stage) -> AbstractContextManager[Standing]:
        """Start it; stop it at the end of the block. Raises NotReadyError."""
