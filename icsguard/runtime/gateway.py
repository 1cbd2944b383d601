"""The gateway process: the only one in the data path.

`python -m icsguard.runtime.gateway --config icsguard.toml`. It gets its settings from a child, opens the conduits, the
two links and the control socket, and then only reacts. SIGTERM drains, SIGHUP reloads. It imports nothing heavy.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

# Which core runs is chosen before the first import of what may be compiled
from icsguard.runtime import compiled

if __name__ == "__main__":
    gc.disable()  # until everything is there: nothing of it is garbage, and looking takes a tenth of the start
    compiled.choose()

from icsguard.config.settings import Settings
from icsguard.runtime import log, systemd
from icsguard.runtime.collector import Collector
from icsguard.runtime.compiler import Compiled, CompileError, compile_for_start
from icsguard.runtime.control_server import ControlServer, ControlSocketError
from icsguard.runtime.facade import Facade
from icsguard.runtime.site import Site, SiteError
from icsguard.runtime.tasks import spawn

SWITCH_S: Final = 0.0005
"""How long another thread (building a policy, writing the state file) may keep the loop waiting; Python's own: 5 ms."""
ALIVE_S: Final = 2.0
"""Between two signs of life to the service manager, fed by the loop that serves the traffic."""

_LOG: Final = log.get_logger("icsguard.gateway")


class Gateway:
    """One running gateway: a site, its control socket, and the signals of the process."""

    def __init__(self, config: Path, checked: Compiled) -> None:
        settings = checked.settings
        self.site = Site(config, settings, checked.packed)
        self.site.warn_of(checked.warnings)
        self.facade = Facade(self.site)
        self._control = ControlServer(
            self.facade,
            operators=settings.gateway.operators,
            viewers=settings.gateway.viewers,
        )
        self._collector = Collector()
        self.site.on_reload = self._authorise

    async def run(self) -> None:
        """Serve until SIGTERM, SIGINT or an operator's stop; then drain. Raises SiteError, ControlSocketError."""
        loop = asyncio.get_running_loop()
        try:
            await self.site.start()
            compiled.quicken()  # now that each conduit's own modules are there
            await self._control.open(Path(self.site.settings.gateway.control_socket))
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self.site.stopping.set)
            loop.add_signal_handler(signal.SIGHUP, self._hangup)
            self._collector.start()
            systemd.ready(f"{len(self.site.listeners)} conduits")
            alive = spawn(_say_alive(), "alive")
            await self.site.stopping.wait()
            alive.cancel()
            systemd.stopping()
            await self.site.drain()
        finally:
            self._collector.stop()
            await self._control.close()
            await self.site.close()

    def _hangup(self) -> None:
        spawn(self.site.reload("SIGHUP", "system"), "reload")

    def _authorise(self, settings: Settings) -> None:
        gc.freeze()  # the new policy stays, too
        self._control.authorise(operators=settings.gateway.operators, viewers=settings.gateway.viewers)


async def _say_alive() -> None:
    while True:
        systemd.alive()
        await asyncio.sleep(ALIVE_S)


def raise_descriptor_limit() -> int:
    """Raise the soft limit of file descriptors to the hard one; return it."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def run_loop(gateway: Gateway) -> None:
    """Run on uvloop where it is installed, else on asyncio's own loop (12 % slower, measured)."""
    try:
        import uvloop  # noqa: PLC0415 - optional: absent outside Linux
    except ImportError:
        asyncio.run(gateway.run())
    else:
        uvloop.run(gateway.run())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the gateway process; return its exit status."""
    config = _config(sys.argv[1:] if argv is None else argv).absolute()
    log.configure("gateway", later=True)
    raise_descriptor_limit()
    sys.setswitchinterval(SWITCH_S)
    try:
        run_loop(Gateway(config, compile_for_start(config)))
    except CompileError as error:
        return _refuse(*error.problems)
    except (SiteError, ControlSocketError) as error:
        return _refuse(str(error))
    _LOG.info("stopped", pid=os.getpid())
    return 0


def _config(argv: Sequence[str]) -> Path:
    """Return the configuration that is named."""
    if len(argv) == 2 and argv[0] == "--config":  # noqa: PLR2004 - as every supervisor starts it: no parser to load
        return Path(argv[1])
    import argparse  # noqa: PLC0415 - for people

    parser = argparse.ArgumentParser(prog="icsguard.runtime.gateway", description="the gateway process of icsguard")
    parser.add_argument("--config", type=Path, default=Path("/etc/icsguard/icsguard.toml"))
    config: Path = parser.parse_args(argv).config
    return config


def _refuse(*lines: str) -> int:
    """Say why there is no gateway, and what to type next."""
    sys.stderr.write("".join(f"icsguard: {line}\n" for line in lines))
    return 1


if __name__ == "__main__":
    sys.exit(main())
