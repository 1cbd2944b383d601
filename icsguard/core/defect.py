"""A fault of a peer, as a value: what was wrong with its bytes. Defects are never raised."""

from __future__ import annotations

from typing import NamedTuple


class Defect(NamedTuple):
    """One breach of a protocol's own law."""

    code: str
    """Stable and machine-readable, e.g. `mbap-length`, `pdu-byte-count`."""
    text: str
    """One plain sentence with the numbers in it and the clause of the specification."""
    fatal: bool = False
    """True where framing is lost: nothing after these bytes can be understood, the connection must end."""
    reply: int = 0
    """Exception code that answers it (Modbus AP §7); 0 where no answer is possible."""
