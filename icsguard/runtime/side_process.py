"""How shadow and recorder are started and ended: processes beside the gateway, which tells them all but where it is."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from icsguard.runtime import log, systemd
from icsguard.runtime.rundir import RunDirError, run_dir


class SideProcess(Protocol):
    """What runs in such a process."""

    async def run(self) -> None:
        """Work until `stop`."""
        ...

    def stop(self) -> None:
        """End soon; on SIGTERM and SIGINT."""
        ...

    def reload(self) -> None:
        """Look whether something has changed; on SIGHUP."""
        ...


def run_beside(name: str, make: Callable[[Path], SideProcess], argv: Sequence[str] | None) -> int:
    """Run the process `name` as a command line says; return its exit status. `make` is given the sockets' folder."""
    parser = argparse.ArgumentParser(prog=f"icsguard.runtime.{name}", description=f"the {name} process of icsguard")
    parser.add_argument("--config", type=Path, default=Path("/etc/icsguard/icsguard.toml"))
    config = parser.parse_args(argv).config.absolute()
    log.configure(name)
    try:
        place = run_dir(config)
    except RunDirError as error:
        sys.stderr.write(f"icsguard: {error}\n")
        return 1
    asyncio.run(_serve(make, place))
    log.get_logger(f"icsguard.{name}").info("stopped", pid=os.getpid())
    return 0


async def _serve(make: Callable[[Path], SideProcess], place: Path) -> None:
    process = make(place)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    loop.add_signal_handler(signal.SIGHUP, process.reload)
    await process.run()
    systemd.stopping()
