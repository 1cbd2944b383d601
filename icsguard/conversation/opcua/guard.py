"""The guard of an OPC UA conduit: what its sessions share beyond what every conduit's sessions do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from icsguard.conversation.guard import Guard
from icsguard.conversation.opcua.ledger import Ledger
from icsguard.conversation.opcua.options import Legs, Trust, UaConduit, UaOptions
from icsguard.conversation.options import ConduitOptions
from icsguard.conversation.run import Run
from icsguard.core.clock import MINUTE
from icsguard.core.decision import Decision, Mode
from icsguard.core.meaning import Meaning
from icsguard.policy.decide import Judge
from icsguard.protocols.opcua.messages_session import EndpointDescription
from icsguard.protocols.opcua.sessions import Sessions

if TYPE_CHECKING:
    from icsguard.policy.nodes.judge import NodeJudge

MAX_SOURCES: Final = 1_024  # addresses whose OPN are counted; the one that asked least lately is forgotten
MAX_HALF_OPEN: Final = 64  # connections of a conduit without an open channel; a further one is closed at once
MAX_HALF_OPEN_EACH: Final = 16  # of them of one address, so that one client cannot take all


class UaGuard(Guard):
    """The shared state of one OPC UA conduit; `judge` knows client groups and the digest, `nodes` decides."""

    def __init__(self, conduit: UaConduit, judge: Judge, run: Run, nodes: NodeJudge, legs: Legs, trust: Trust) -> None:
        super().__init__(conduit, judge, run)
        self._conduit = conduit
        self.options: UaOptions = _own(conduit)
        self.nodes = nodes
        self.node_memory = nodes.memory(beside=self.memory)
        self.legs = legs
        self.trust = trust
        self.ledger = Ledger()
        self.known = Sessions()
        """Aliases, subscriptions and namespaces by session."""
        self.device_endpoints: tuple[EndpointDescription, ...] = ()
        """As the device gave them last."""
        self.endpoints_at = 0
        self.device_certificate: bytes = legs.device_certificate
        """DER of what the device must show; found out where it was not told."""
        self.half_open: dict[str, int] = {}
        """Connections without an open channel, by address."""
        self._turns = 0
        self._opens: dict[str, tuple[int, int]] = {}

    def reload(self, conduit: ConduitOptions, judge: Judge) -> None:
        """Take a new policy's groups and new options into use; `reload_nodes` brings the rest of it."""
        super().reload(conduit, judge)
        self._conduit = cast("UaConduit", conduit)  # the shell makes both from the same settings
        self.options = _own(self._conduit)

    def reload_nodes(self, nodes: NodeJudge) -> None:
        """Take a new node policy into use; memory and sessions stay."""
        self.nodes = nodes
        self.node_memory = nodes.memory(self.node_memory)
        self.forget_verdicts()
        if self.acts:
            self._judge_sessions()

    def _judge_sessions(self) -> None:
        """Take from sessions that would not be admitted any more what they may do: they must be activated anew."""
        for entry in self.ledger.all():
            identity = entry.identity
            if identity is not None and self.nodes.admits(identity, self.node_memory, 0).decision >= Decision.REFUSE:
                entry.identity, entry.flow = None, 0

    def retrust(self, trust: Trust, legs: Legs | None = None) -> None:
        """Take a new trust list into use; live channels are judged again at once."""
        self.trust = trust
        if legs is not None:
            self.legs = legs
        self.device_certificate = self.legs.device_certificate
        self.wakeups.update(self.sessions)

    def may_open(self, address: str, now: int) -> bool:
        """Count one OPN of an address; False where it asked too often within a minute."""
        since, count = self._opens.pop(address, (now, 0))
        if now - since >= MINUTE:
            since, count = now, 0
        self._opens[address] = (since, count + 1)
        if len(self._opens) > MAX_SOURCES:
            del self._opens[next(iter(self._opens))]
        return count < self.nodes.limits.opens_per_minute

    @property
    def device_url(self) -> str:
        """The endpoint URL that the device is told."""
        return self.options.device_url or f"opc.tcp://{self._conduit.device_host}:{self._conduit.device_port}"

    def half_opened(self, address: str) -> bool:
        """Count a connection that has no open channel yet; False where there are too many."""
        self.half_open[address] = self.half_open.get(address, 0) + 1
        return self.half_open[address] <= MAX_HALF_OPEN_EACH and sum(self.half_open.values()) <= MAX_HALF_OPEN

    def not_half_open(self, address: str) -> None:
        """Count a connection out whose channel is open, or that is gone."""
        left = self.half_open.pop(address, 1) - 1
        if left > 0:
            self.half_open[address] = left

    @property
    def wall_shift(self) -> int:
        """Wall clock minus steady clock, ns."""
        return self.memory.wall_shift

    @property
    def generation(self) -> int:
        """Rises with whatever a kept verdict depends on: policy, mode, the names of nodes, the address space."""
        return self._turns + self.node_memory.tree.version + self.known.generation

    def forget_verdicts(self) -> None:
        """Judge every read anew."""
        super().forget_verdicts()
        self._turns += 1

    # What is different with names instead of registers.

    @property
    def judges(self) -> bool:
        """Say whether policy is asked at all: while learning only once there is something to ask."""
        return self.mode is not Mode.LEARN or self.nodes.has_rules

    def is_secret(self, meaning: Meaning) -> bool:
        """Say whether the request touches a point whose value must not be recorded."""
        return self.nodes.is_secret(meaning)

    def delivered(self, meaning: Meaning, now: int) -> None:
        """Note that a request which may change the plant was handed to the device."""
        self.changes += 1
        self.nodes.delivered(meaning, self.node_memory, now)

    def unknown(self, meaning: Meaning) -> None:
        """Note that nobody knows what became of a write."""
        self.counters.writes_unknown += 1
        self.nodes.unknown(meaning, self.node_memory)

    def timer(self, now: int) -> None:
        """Do what is due for the conduit as a whole."""
        super().timer(now)
        for entry in self.ledger.expire(now):
            self.known.forgotten(entry.token)


def _own(conduit: UaConduit) -> UaOptions:
    options = conduit.opcua
    if options is None:
        raise ValueError(f"conduit {conduit.name} has no OPC UA settings")
    return options
