"""The simulated PLC on the wire: pymodbus decodes, answers and serves; the cell's registers are its memory.

What pymodbus does not do itself is added here, each for a reason. It answers only the first of several requests in
one segment and forgets the rest (version 3.16), where a real PLC works through them: requests are handed to it one by
one. It has no idea of a device that goes silent: FC08 sub-functions 1 and 4 and the programming function 90 are
answered here, as fragile devices do, so that an attack has its consequence. And it counts: `Arrivals` is what really
reached the device, the witness for every claim that a refused request never did.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from pymodbus import ModbusDeviceIdentification
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusIOException
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simcore import SimCore

from icsguard.core.meaning import Table
from icsguard.lab.program import Program
from icsguard.lab.registers import SIZE
from icsguard.runtime.tasks import spawn

MAX_WRITES_KEPT: Final = 2000  # a demo writes some hundreds of times; older ones are told already and forgotten
MAX_QUEUE: Final = 64  # requests of one connection that wait; a client that stacks more is cut off, as small PLCs do
MAX_ADU: Final = 260
MAX_CONNECTIONS: Final = 8
"""As small PLCs have it; one more and the device closes the oldest, whoever that is (seen in M218 and others)."""
RESTART_S: Final = 2.0
"""How long the device is deaf after FC08 sub-function 1, in wall time."""

_HEADER: Final = 7
_DIAGNOSTICS: Final = 8
_PROGRAMMING: Final = 90
_RESTART: Final = b"\x00\x01"
_LISTEN_ONLY: Final = b"\x00\x04"
_ECHOED: Final = frozenset({b"\x00\x00", _RESTART})
_STOP: Final = 0x41
_START: Final = 0x40
_TABLE_OF: Final = {
    1: Table.COIL,
    5: Table.COIL,
    15: Table.COIL,
    2: Table.DISCRETE,
    4: Table.INPUT,
    3: Table.HOLDING,
    6: Table.HOLDING,
    16: Table.HOLDING,
    22: Table.HOLDING,
    23: Table.HOLDING,
}


class Write(NamedTuple):
    """One write that the device carried out."""

    number: int
    """Counted from 1."""
    peer: str
    """Address of the TCP peer: the client, or the gateway."""
    function: int
    table: str
    address: int
    values: tuple[int, ...]


@dataclass(slots=True)
class Arrivals:
    """Everything that reached the device."""

    functions: Counter[int] = field(default_factory=Counter)
    """Requests by function code, understood or not."""
    garbage: int = 0
    """ADUs that were not Modbus."""
    writes: deque[Write] = field(default_factory=lambda: deque(maxlen=MAX_WRITES_KEPT))
    written: int = 0


class Memory(SimCore):
    """The registers of the program in the shape in which pymodbus asks for them."""

    def __init__(self, program: Program, arrivals: Arrivals) -> None:
        # SimCore's own beginning builds cells of its own; these are the program's.
        self.program = program
        self.arrivals = arrivals
        self.peer = ""

    async def async_getValues(  # noqa: N802 - pymodbus gave the name
        self,
        device_id: int,  # noqa: ARG002 - any unit identifier is answered, as many TCP devices do
        func_code: int,
        address: int,
        count: int = 1,
    ) -> list[int] | list[bool] | ExcCodes:
        """Return elements of a table, or why not."""
        table = _TABLE_OF[func_code]
        if address + count > SIZE:
            return ExcCodes.ILLEGAL_ADDRESS
        return self.program.registers.of(table)[address : address + count]

    async def async_setValues(  # noqa: N802 - pymodbus gave the name
        self,
        device_id: int,  # noqa: ARG002 - likewise
        func_code: int,
        address: int,
        values: Sequence[int] | Sequence[bool],
    ) -> ExcCodes | None:
        """Put elements into a table, without asking whether that is wise."""
        table = _TABLE_OF[func_code]
        if address + len(values) > SIZE:
            return ExcCodes.ILLEGAL_ADDRESS
        cells = [int(value) for value in values]
        self.program.registers.of(table)[address : address + len(cells)] = cells
        self.arrivals.written += 1
        self.arrivals.writes.append(
            Write(self.arrivals.written, self.peer, func_code, table.word, address, tuple(cells)),
        )
        return None


class Plc(ModbusTcpServer):
    """The server: one program, any number of connections. `await serve_forever(background=True)` opens it."""

    def __init__(self, program: Program, host: str, port: int) -> None:
        # The device that pymodbus wants at its birth is replaced at once by the program's own memory.
        blank = SimDevice(0, simdata=[SimData(0, count=1, values=0, datatype=DataType.REGISTERS)])
        identity = ModbusDeviceIdentification(  # type: ignore[no-untyped-call]
            info_name={"VendorName": "icsguard lab", "ProductCode": "WATER-2", "MajorMinorRevision": "1.0"},
        )
        super().__init__(blank, address=(host, port), identity=identity)
        self.arrivals = Arrivals()
        self.memory = Memory(program, self.arrivals)
        self.context = self.memory
        self.program = program
        self.silent = False
        """True after FC08 sub-function 4: the device listens and says nothing, until it is restarted."""
        self.thrown_out = 0
        """Connections that the device closed because it had too many."""
        self.deaf_until = 0.0
        """Loop time up to which a restarting device answers nobody."""

    def callback_new_connection(self) -> ServerRequestHandler:
        """Return the handler of a new connection; too many, and the oldest client is thrown out."""
        if len(self.active_connections) >= MAX_CONNECTIONS:
            oldest = next(iter(self.active_connections.values()))
            oldest.close()
            self.thrown_out += 1
        return _Connection(self)

    @property
    def port(self) -> int:
        """The TCP port that it listens on, once it does."""
        name: tuple[str, int] = cast("asyncio.Server", self.transport).sockets[0].getsockname()
        return name[1]

    @property
    def harms(self) -> tuple[str, ...]:
        """Say what attacks have achieved so far, in words, the silence of the device included."""
        silence = ("the device is silent",) if self.silent else ()
        deaf = ("the device restarts",) if self.loop.time() < self.deaf_until else ()
        thrown = ("clients were thrown off the device",) if self.thrown_out else ()
        return (*self.program.harms, *silence, *deaf, *thrown)

    def renew(self, program: Program) -> None:
        """Put a fresh cell behind the same port: what a service team does after damage."""
        self.program = program
        self.memory.program = program
        self.silent = False
        self.deaf_until = 0.0
        self.thrown_out = 0

    def odd_answer(self, pdu: bytes) -> bytes | None:
        """Carry out a diagnostic or programming request (its PDU); return the answer's PDU, None for no answer."""
        if pdu[0] == _PROGRAMMING:
            return self._programming(pdu)
        sub = pdu[1:3]
        if sub == _LISTEN_ONLY:
            self.silent = True
            return None
        if sub == _RESTART:
            self.silent = False
            self.deaf_until = self.loop.time() + RESTART_S
        return pdu if sub in _ECHOED else bytes((_DIAGNOSTICS | 0x80, 1))

    def _programming(self, pdu: bytes) -> bytes:
        """Carry out a vendor's start or stop, no questions asked: byte 2 holds the wish."""
        wish = pdu[2] if len(pdu) > 2 else 0  # noqa: PLR2004 - function code, session, wish
        if wish in {_STOP, _START}:
            self.program.running = wish == _START
        return bytes((_PROGRAMMING, 0, 0xFE))


class _Connection(ServerRequestHandler):
    """One client: cuts its bytes into ADUs and works through them in order."""

    def __init__(self, plc: Plc) -> None:
        super().__init__(plc, None, None, None)  # type: ignore[no-untyped-call]
        self._plc = plc
        self._held = b""
        self._peer = ""
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_QUEUE)
        self._worker: asyncio.Task[None] | None = None

    def callback_connected(self) -> None:
        """Start to work for the client."""
        super().callback_connected()
        name = self.transport.get_extra_info("peername")
        self._peer = str(name[0]) if name else ""
        self._worker = spawn(self._work(), "plc-connection")

    def callback_disconnected(self, exc: Exception | None) -> None:
        """Stop working for the client."""
        self._stop_working()
        super().callback_disconnected(exc)

    def close(self, reconnect: bool = False) -> None:  # noqa: FBT001, FBT002 - pymodbus gave the signature
        """End the connection from this side; pymodbus tells nobody about such an end."""
        self._stop_working()
        super().close(reconnect)

    def _stop_working(self) -> None:
        if self._worker:
            self._worker.cancel()
            self._worker = None

    def callback_data(self, data: bytes, addr: tuple[str, int] | None = None) -> int:  # noqa: ARG002 - UDP only
        """Take bytes; whole ADUs go to the queue, the rest waits for its end."""
        self._held += data
        while len(self._held) >= _HEADER:
            size = 6 + int.from_bytes(self._held[4:6], "big")
            if not _HEADER < size <= MAX_ADU or self._queue.full():
                self.close()
                return len(data)
            if len(self._held) < size:
                break
            adu, self._held = self._held[:size], self._held[size:]
            self._queue.put_nowait(adu)
        return len(data)

    async def _work(self) -> None:
        while True:
            await self._serve(await self._queue.get())

    async def _serve(self, adu: bytes) -> None:
        plc, function = self._plc, adu[_HEADER]
        if adu[2:4] != b"\x00\x00":
            plc.arrivals.garbage += 1
            return
        plc.arrivals.functions[function] += 1
        restarting = adu[_HEADER : _HEADER + 3] == bytes((_DIAGNOSTICS,)) + _RESTART
        if self.loop.time() < plc.deaf_until or (plc.silent and not restarting):
            return
        if function in {_DIAGNOSTICS, _PROGRAMMING}:
            answer = plc.odd_answer(adu[_HEADER:])
            if answer is not None:
                self.send(adu[:4] + (len(answer) + 1).to_bytes(2, "big") + adu[6:7] + answer)
            return
        plc.memory.peer = self._peer
        try:
            _used, self.last_pdu = self.framer.handleFrame(adu, 0, 0)
        except ModbusIOException:  # pymodbus cannot read the PDU: as a device answers it, AP §7
            self.send(adu[:4] + b"\x00\x03" + adu[6:7] + bytes((function | 0x80, 1)))
            return
        await self.handle_request()  # type: ignore[no-untyped-call]
