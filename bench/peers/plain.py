"""The two yardsticks: no gateway at all, and a relay in C that does nothing but receive and send."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from bench.peers.api import Stage, Standing
from bench.process import free_port, running, wait_for_port


class Direct:
    """The load generator talks to the device."""

    name = "direct"

    def __init__(self) -> None:
        self.wrap: list[str] = []

    def absent(self) -> str:
        """It is always there."""
        return ""

    def version(self) -> str:
        """It has none."""
        return "-"

    @contextlib.contextmanager
    def stand(self, stage: Stage) -> Iterator[Standing]:
        """There is nothing to start."""
        yield Standing(stage.device_port, second_port=stage.second_port)


class Relay:
    """bench/c/relay.c: the kernel's floor."""

    name = "c-relay"

    def __init__(self) -> None:
        self.wrap: list[str] = []

    def absent(self) -> str:
        """It is built with the load generator."""
        return ""

    def version(self) -> str:
        """It has none."""
        return "-"

    @contextlib.contextmanager
    def stand(self, stage: Stage) -> Iterator[Standing]:
        """Start the relay."""
        port = free_port()
        command = [*stage.place.data, str(stage.programs / "relay"), str(port), str(stage.device_port)]
        log = stage.folder / "relay.log"
        with running(command, log) as process:
            wait_for_port(port, process, log)
            yield Standing(port, (process.pid,))
