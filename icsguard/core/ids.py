"""Identifiers that must not be mixed up, and the two small types that cannot hold a wrong value."""

from __future__ import annotations

from typing import NamedTuple, NewType, Self

ConduitName = NewType("ConduitName", str)
"""The name of a conduit in icsguard.toml."""
FlowId = NewType("FlowId", int)
"""One TCP pair client-gateway, unique in one run of the gateway."""
TransactionNumber = NewType("TransactionNumber", int)
"""One request with its fate, strictly rising in one run of the gateway. Not the protocol's own identifier."""

MAX_ADDRESS = 0xFFFF
"""Modbus AP V1.1b3 §4.3: each table has at most 65 536 elements."""


class AddressRange(NamedTuple):
    """Elements `first` to `last` of one table, both included, 0-based (PDU addresses)."""

    first: int
    last: int

    @classmethod
    def of(cls, first: int, count: int = 1) -> Self:
        """Return the range of `count` elements from `first`; raise ValueError where no such range exists."""
        if not (0 <= first <= MAX_ADDRESS and count >= 1 and first + count - 1 <= MAX_ADDRESS):
            message = f"no address range of {count} elements starts at {first}"
            raise ValueError(message)
        return cls(first, first + count - 1)

    @property
    def count(self) -> int:  # type: ignore[override] # nobody counts a range's ends, everybody its elements
        """How many elements the range has."""
        return self.last - self.first + 1

    def covers(self, other: AddressRange) -> bool:
        """Say whether every element of `other` lies in this range."""
        return self.first <= other.first and other.last <= self.last

    def overlaps(self, other: AddressRange) -> bool:
        """Say whether the two ranges share an element."""
        return self.first <= other.last and other.first <= self.last
