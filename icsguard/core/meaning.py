"""What a request wants, in words that policy and twin share whatever the protocol.

A protocol's `meaning` module turns a parsed request into a `Meaning`; nothing above it looks at wire bytes again.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import NamedTuple

from icsguard.core.ids import AddressRange


class Intent(StrEnum):
    """What a request is for."""

    READ = "read"
    WRITE = "write"
    EXECUTE = "execute"
    SUBSCRIBE = "subscribe"
    BROWSE = "browse"
    SESSION = "session"
    ADMINISTER = "administer"
    UNKNOWN = "unknown"


CHANGES_THE_PLANT = frozenset({Intent.WRITE, Intent.EXECUTE, Intent.ADMINISTER, Intent.UNKNOWN})
"""Intents that reach a device at most once: never re-sent after a timeout, reset or reconnect."""


class Table(IntEnum):
    """The data tables of Modbus AP V1.1b3 §4.3, and its file records (§6.14)."""

    COIL = 0
    DISCRETE = 1
    INPUT = 3
    HOLDING = 4
    FILE = 6

    @property
    def word(self) -> str:
        """The table's name as it is written in policies and messages."""
        return _WORDS[self]

    @property
    def is_bits(self) -> bool:
        """Say whether the table's elements are single bits."""
        return self in {Table.COIL, Table.DISCRETE}


_WORDS = {table: table.name.lower() for table in Table}
"""Looked up, not formed: a sentence about a refused request needs it several times."""


class Access(NamedTuple):
    """One run of elements that a request reads or writes."""

    intent: Intent
    """READ or WRITE."""
    table: Table
    span: AddressRange
    file: int = 0
    """File number for Table.FILE (then `span` counts records), else 0."""


class Change(NamedTuple):
    """What one part of a request would put into a run of coils or holding registers."""

    table: Table
    start: int
    """0-based address of the first element."""
    values: tuple[int, ...]
    """One entry an element: 0 or 1 for coils, 0 to 65535 for registers."""
    keep: int = 0
    """Mask write (AP §6.16) only: result = (current AND keep) OR (values[0] AND NOT keep). 0 elsewhere."""

    @property
    def span(self) -> AddressRange:
        """The elements that change."""
        return AddressRange(self.start, self.start + len(self.values) - 1)


NodeValue = bool | int | float | str | None
"""One element of a value as it was sent; None where it is neither number nor text."""
VALUE_ATTRIBUTE = 13
"""OPC 10000-6 Annex A: the attribute that holds a variable's value."""


class NodeAccess(NamedTuple):
    """One thing that a request does to one node, where variables have names instead of addresses (OPC UA)."""

    intent: Intent
    """READ, WRITE, EXECUTE, SUBSCRIBE, BROWSE or ADMINISTER."""
    node: str
    """`nsu=<namespace URI>;<i|s|g|b>=<id>`, without URI in namespace 0. `ns=<index>;…` where the URI is not known: no
    rule can name that, because an index holds for one run of one server."""
    attribute: int = VALUE_ATTRIBUTE
    """0 where the node itself is meant (EXECUTE, BROWSE, ADMINISTER)."""
    index_range: str = ""
    """The part of an array that is meant, as the client wrote it; empty for all of it."""
    parent: str = ""
    """Of a method (EXECUTE): the object on which it is called."""


class NodeChange(NamedTuple):
    """What one part of a request would put into a variable, or hand to a method."""

    place: int
    """Index into the request's `nodes`."""
    type: str
    """The built-in type as it was sent, `Double`, or `Double[]` for arrays; empty where no value was sent."""
    values: tuple[NodeValue, ...]
    """One entry an element, a single one for a scalar."""
    stamped: bool = False
    """The client sends status or time with the value."""
    argument: int = -1
    """Of a method: which argument, from 0; -1 for a write."""


class Meaning(NamedTuple):
    """A request as policy and twin see it."""

    intent: Intent
    function: int
    """Modbus function code, or an OPC UA service number."""
    sub: int
    """FC08 sub-function or FC43 MEI type; -1 where the function has none."""
    unit: int
    accesses: tuple[Access, ...]
    """Every run that is read or written, writes first where the device does them first (FC23)."""
    changes: tuple[Change, ...]
    """Every value that would be written to coils and holding registers."""
    extra: bytes = b""
    """Opaque body of private functions, after the function code."""
    nodes: tuple[NodeAccess, ...] = ()
    """Everything that is touched by name (OPC UA), in the order of the request."""
    node_changes: tuple[NodeChange, ...] = ()
    """Every value that would be written to variables or handed to methods."""
