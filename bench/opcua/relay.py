"""A plain relay, the measure for gateways in Python: two sockets, and what comes from one is written to the other.

`python -m bench.opcua.relay LISTEN_PORT DEVICE_PORT asyncio|uvloop`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop


class Far(asyncio.Protocol):
    """The device's end."""

    def __init__(self, near: Near) -> None:
        self._near = near

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._near.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end too."""
        del exc
        self._near.transport.close()


class Near(asyncio.Protocol):
    """The client's end."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._far: asyncio.Transport | None = None
        self._early = b""
        self._tasks = set[asyncio.Task[None]]()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the device."""
        self.transport = cast("asyncio.Transport", transport)
        self._tasks.add(asyncio.get_running_loop().create_task(self._connect()))

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        far, _ = await loop.create_connection(lambda: Far(self), "127.0.0.1", self._device)
        far.write(self._early)
        self._far = far

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        if self._far is not None:
            self._far.write(data)
        else:
            self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end too."""
        del exc
        if self._far is not None:
            self._far.close()


async def main(listen: int, device: int) -> None:
    """Relay until the process is ended."""
    server = await asyncio.get_running_loop().create_server(lambda: Near(device), "127.0.0.1", listen)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    run = asyncio.run if sys.argv[3] == "asyncio" else uvloop.run
    run(main(int(sys.argv[1]), int(sys.argv[2])))
