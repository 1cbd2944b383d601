"""The options of a conduit, as a conversation needs them; config.settings.Conduit is what fills them."""

from __future__ import annotations

from typing import Protocol

from icsguard.core.decision import FailurePolicy, Mode
from icsguard.policy.rules import Policy


class IsolationOptions(Protocol):
    """When clients are cut off by the gateway itself, and who never is."""

    @property
    def auto(self) -> bool:
        """False: such wishes are recorded, not done."""
        ...

    @property
    def threshold(self) -> int:
        """So many grave events of one client within a minute cut it off."""
        ...

    @property
    def seconds(self) -> int:
        """For how long."""
        ...

    @property
    def never(self) -> tuple[str, ...]:
        """Addresses, networks or client groups that are never cut off without a human."""
        ...


class ConduitOptions(Protocol):
    """One listener that leads to one device."""

    @property
    def name(self) -> str:
        """Its name in records."""
        ...

    @property
    def protocol(self) -> str:
        """Its protocol's name."""
        ...

    @property
    def downstream(self) -> str:
        """`tcp`, or `serial` where the device is a gateway to a line."""
        ...

    @property
    def mode(self) -> Mode:
        """The mode to start in."""
        ...

    @property
    def policy(self) -> Policy:
        """Who may do what."""
        ...

    @property
    def quirks(self) -> tuple[str, ...]:
        """Relaxed checks."""
        ...

    @property
    def failure(self) -> FailurePolicy:
        """What happens to writes without an opinion."""
        ...

    @property
    def judge_deadline_ms(self) -> int:
        """Longest wait of a write for the shadow's opinion."""
        ...

    @property
    def device_timeout_ms(self) -> int:
        """Longest wait for the device's answer."""
        ...

    @property
    def connect_timeout_ms(self) -> int:
        """Longest wait for a connection to the device."""
        ...

    @property
    def idle_timeout_s(self) -> int:
        """A silent client is closed after so long; 0 for never."""
        ...

    @property
    def incomplete_timeout_s(self) -> int:
        """A half-received ADU may be this old."""
        ...

    @property
    def max_in_flight(self) -> int:
        """Requests of one session that the device may have at a time."""
        ...

    @property
    def links(self) -> int:
        """Connections to the device that all clients share; 0: each client has its own."""
        ...

    @property
    def device_in_flight(self) -> int:
        """Requests that one shared link may carry at a time."""
        ...

    @property
    def coalesce(self) -> bool:
        """Identical reads that are in flight at the same time are asked once."""
        ...

    @property
    def connect_delay_ms(self) -> int:
        """Pause between a shared link's opening and its first request."""
        ...

    @property
    def min_gap_ms(self) -> int:
        """Least pause between two requests on a shared link."""
        ...

    @property
    def max_pdu(self) -> int:
        """Largest PDU that the device takes or sends."""
        ...

    @property
    def framing(self) -> str:
        """`mbap`, or `rtu` for RTU frames over TCP on shared links."""
        ...

    @property
    def hold_ttl_s(self) -> int:
        """How long a ticket waits for a human."""
        ...

    @property
    def isolation(self) -> IsolationOptions:
        """When clients are cut off without a human."""
        ...
