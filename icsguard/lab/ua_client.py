"""An asyncua client as the lab's operators and attackers use it: from a loopback address of its own, each step timed.

What comes back is told as the Modbus side of the lab tells it (`wire.Reply`), so that the same trials judge both.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from asyncua import ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient
from asyncua.common.node import Node
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from icsguard.lab.ua_cell import CELL, NAMESPACE, PATH, Value
from icsguard.lab.ua_keys import uri_of
from icsguard.lab.ua_plant import node_id
from icsguard.lab.wire import Fate, Reply

ANSWER_S: Final = 4.0
"""How long a client waits for one answer."""
SECURE: Final = "Basic256Sha256,SignAndEncrypt"
FORGED: Final = ua.DateTime(2000, 1, 1)
"""A source time that no sensor gave."""


class From(UaClient):
    """asyncua's connection, bound to a source address."""

    source: str = "127.0.0.1"

    async def connect_socket(self, host: str, port: int) -> None:
        """Connect from the source address."""
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(self._make_protocol, host, port, local_addr=(self.source, 0))
        await asyncio.wait_for(connecting, ANSWER_S)


class UaLine:
    """One session. `await UaLine.open(...)` makes it; raises OSError or UaError where none is given."""

    def __init__(self, client: Client, index: int) -> None:
        self.client = client
        self.index = index

    @classmethod
    async def open(cls, port: int, source: str, keys: Path, name: str, *, security: str = SECURE) -> Self:
        """Open channel and session as the application `name`, whose certificate is in `keys`."""
        client = Client(f"opc.tcp://127.0.0.1:{port}{PATH}", timeout=ANSWER_S)
        client.uaclient.connect_socket = From.connect_socket.__get__(client.uaclient)  # type: ignore[method-assign]
        client.uaclient.source = source  # type: ignore[attr-defined]
        client.application_uri = uri_of(name)
        try:
            if security:
                own = f"{keys / f'{name}.der'},{keys / f'{name}.pem'}"
                await client.set_security_string(f"{security},{own}")
            await client.connect()
            return cls(client, await client.get_namespace_index(NAMESPACE))
        except BaseException:
            with contextlib.suppress(Exception):
                client.disconnect_socket()
            raise

    def node(self, name: str) -> Node:
        """Return a node of the cell."""
        return self.client.get_node(node_id(name, self.index))

    async def write(self, pairs: dict[str, Value], *, forged: bool = False) -> list[str]:
        """Write several nodes in one request; return the name of each status. Raises what `told` takes."""
        items = [_write_value(self.node(name).nodeid, value, forged=forged) for name, value in pairs.items()]
        statuses = await self.client.uaclient.write(ua.WriteParameters(items))
        return [str(status.name) for status in statuses]

    async def write_to(self, node: ua.NodeId, value: Value) -> list[str]:
        """Write one node by its id."""
        statuses = await self.client.uaclient.write(ua.WriteParameters([_write_value(node, value, forged=False)]))
        return [str(status.name) for status in statuses]

    async def read(self, names: list[str]) -> list[Any]:
        """Return the values of nodes, in one request."""
        return list(await self.client.read_values([self.node(name) for name in names]))

    async def call(self, method: str) -> list[str]:
        """Call a method of the cell."""
        await self.node(CELL).call_method(node_id(method, self.index))
        return ["Good"]

    async def close(self) -> None:
        """End the session, as far as the other side lets us."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self.client.disconnect(), ANSWER_S)
        self.client.disconnect_socket()


def _write_value(node: ua.NodeId, value: Value, *, forged: bool) -> ua.WriteValue:
    kind = ua.VariantType.Boolean if isinstance(value, bool) else ua.VariantType.Double
    data = ua.DataValue(ua.Variant(value, kind))
    if forged:
        data = replace(data, SourceTimestamp=FORGED)
    return ua.WriteValue(node, AttributeIds.Value, None, data)


async def told(act: Callable[[], Awaitable[list[str]]]) -> tuple[Reply, list[str]]:
    """Do something and tell its fate: refused where the other side says so, with any status but Good."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    statuses: list[str] = []
    try:
        statuses = await asyncio.wait_for(act(), ANSWER_S)
        fate = Fate.ANSWERED if set(statuses) == {"Good"} else Fate.REFUSED
    except UaStatusCodeError as error:
        fate, statuses = Fate.REFUSED, [type(error).__name__]
    except TimeoutError:
        fate = Fate.SILENT
    except (OSError, UaError, asyncio.CancelledError):
        fate = Fate.CLOSED
    return Reply(fate, bytes(2), loop.time() - began), statuses
