"""The plant behind OPC UA: `python -m icsguard.lab.ua_plant --keys FOLDER` serves the water cell by asyncua.

It believes everybody: any certificate, anonymous users, no security at all, as servers in the field do. With `--lines`
it tells and obeys as `icsguard.lab.plant`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from asyncua import ua
from asyncua.common.callback import CallbackType
from asyncua.common.methods import uamethod
from asyncua.common.node import Node
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.server.user_managers import UserManager

from icsguard.lab.plant import Plant, obey
from icsguard.lab.plc import Arrivals, Write
from icsguard.lab.program import Program
from icsguard.lab.ua_cell import BY_NAME, CELL, LAMP_TEST, NAMESPACE, NODES, PATH, STOP_CONTROL, CellNode
from icsguard.lab.ua_keys import uri_of
from icsguard.lab.water import SPEED_UP
from icsguard.runtime.tasks import spawn

SHOW_S: Final = 0.1
"""Wall time between two looks of the server at the process."""
MILLI: Final = 1000
"""Written values are told in thousandths: a `Write` holds whole numbers."""
WRITE_SERVICE: Final = 673
CALL_SERVICE: Final = 712
_POLICIES: Final = [
    ua.SecurityPolicyType.NoSecurity,
    ua.SecurityPolicyType.Basic256Sha256_Sign,
    ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt,
]


def node_id(name: str, index: int) -> ua.NodeId:
    """Return the id of a named node."""
    return ua.NodeId(name, index)  # type: ignore[arg-type]  # asyncua has types of its own for text and numbers


class Everybody(UserManager):
    """Takes any user name with any password, and none."""

    def get_user(self, *_who: object, **_more: object) -> User:
        """Return an ordinary user."""
        return User(role=UserRole.User)


class UaPlc:
    """The control program behind an asyncua server; the same face to `Plant` as the Modbus PLC has."""

    def __init__(self, program: Program, port: int, keys: Path) -> None:
        self.program = program
        self.arrivals = Arrivals()
        self.port = port
        self._keys = keys
        self._server = Server(user_manager=Everybody())
        self._nodes: dict[str, Node] = {}

    @property
    def active_connections(self) -> tuple[object, ...]:
        """Who is connected."""
        server = self._server.bserver
        return tuple(server.clients) if server is not None else ()

    @property
    def harms(self) -> tuple[str, ...]:
        """What an attack has achieved so far, in words."""
        return self.program.harms

    def renew(self, program: Program) -> None:
        """Put a fresh cell behind the same server."""
        self.program = program

    async def start(self) -> None:
        """Serve. Raises OSError where the port cannot be had."""
        server = self._server
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{self.port}{PATH}")
        await server.set_application_uri(uri_of("server"))
        server.set_security_policy(_POLICIES)
        await server.load_certificate(str(self._keys / "server.der"))
        await server.load_private_key(str(self._keys / "server.pem"))
        index = await server.register_namespace(NAMESPACE)
        cell = await server.nodes.objects.add_object(node_id(CELL, index), CELL)
        for node in NODES:
            await self._add(cell, node, index)
        await self._add_method(cell, STOP_CONTROL, index, self._stop_control)
        await self._add_method(cell, LAMP_TEST, index, lambda: None)
        server.subscribe_server_callback(CallbackType.PostWrite, self._written)
        await server.start()

    async def stop(self) -> None:
        """End it."""
        await self._server.stop()

    async def show(self) -> None:
        """Keep the nodes as the registers are, until cancelled."""
        while True:
            for node in NODES:
                kind = ua.VariantType.Boolean if node.is_switch else ua.VariantType.Double
                await self._nodes[node.name].write_value(node.read(self.program.registers), kind)
            await asyncio.sleep(SHOW_S)

    async def _add(self, cell: Node, node: CellNode, index: int) -> None:
        kind = ua.VariantType.Boolean if node.is_switch else ua.VariantType.Double
        value = node.read(self.program.registers)
        made = await cell.add_variable(node_id(node.name, index), node.name, value, varianttype=kind)
        await made.set_writable()
        self._nodes[node.name] = made

    async def _add_method(self, cell: Node, name: str, index: int, act: Any) -> None:  # noqa: ANN401 - asyncua's own
        @uamethod
        def called(_parent: object) -> None:
            self.arrivals.functions[CALL_SERVICE] += 1
            self._note(CALL_SERVICE, name, 1.0)
            act()

        await cell.add_method(node_id(name, index), name, called, [], [])

    def _stop_control(self) -> None:
        self.program.running = False

    async def _written(self, event: Any, _service: object) -> None:  # noqa: ANN401 - asyncua's own
        if not event.is_external:
            return
        self.arrivals.functions[WRITE_SERVICE] += 1
        for item, status in zip(event.request_params.NodesToWrite, event.response_params, strict=True):
            name, value = str(item.NodeId.Identifier), item.Value.Value.Value if item.Value.Value else None
            number = float(value) if isinstance(value, float | int) else 0.0
            self._note(WRITE_SERVICE, name, number)
            node = BY_NAME.get(name)
            if status.is_good() and node is not None and node.write is not None:
                node.write(self.program.registers, number)

    def _note(self, service: int, name: str, value: float) -> None:
        arrivals = self.arrivals
        arrivals.written += 1
        thousandths = round(value * MILLI) if abs(value) < 1 << 31 else -1
        arrivals.writes.append(Write(arrivals.written, "", service, name, 0, (thousandths,)))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the plant until interrupted. Exit status 1 where its port cannot be had."""
    options = _parser().parse_args(argv)
    logging.basicConfig(level=logging.CRITICAL)
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        return asyncio.run(_serve(options))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m icsguard.lab.ua_plant", description="A simulated water cell.")
    parser.add_argument("--port", type=int, default=4840, help="TCP port of its OPC UA server")
    parser.add_argument("--keys", type=Path, required=True, help="folder with server.der and server.pem")
    parser.add_argument("--seed", type=int, default=1, help="seed of the sensors' noise")
    parser.add_argument("--speed", type=float, default=SPEED_UP, help="plant seconds per second (default: %(default)s)")
    parser.add_argument("--lines", action="store_true", help="speak JSON lines and obey `renew` and `stop`")
    return parser


async def _serve(options: argparse.Namespace) -> int:
    plc = UaPlc(Program(seed=options.seed), options.port, options.keys)
    try:
        await plc.start()
    except OSError as error:
        sys.stderr.write(f"the plant cannot listen on port {options.port}: {error.strerror or error}\n")
        return 1
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    plant = Plant(plc, options.speed)
    if options.lines:
        spawn(obey(plant, stop), "plant-orders")
    shown = spawn(plc.show(), "plant-show")
    await plant.run(stop, lines=options.lines)
    shown.cancel()
    await plc.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
