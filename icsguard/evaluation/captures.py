"""Real captures: a policy is learnt from benign traffic and enforced on the rest, by the gateway's own sessions.

*Lemay*: three captures teach, two others are judged; in one of them a field device turns into a client and scans
another one. *modbus_benign*: the first half of each capture teaches, the second is judged; every refusal is false.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from icsguard.config.load import check_file
from icsguard.config.settings import Conduit
from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Mode
from icsguard.core.finding import Finding
from icsguard.core.record import Record
from icsguard.core.transaction import Transaction
from icsguard.evaluation.conduct import STOPPED
from icsguard.evaluation.loaded import folder
from icsguard.evaluation.metrics import interval
from icsguard.evaluation.tables import Row, Table
from icsguard.learn.bounds import upper_bound
from icsguard.learn.direction import Wire
from icsguard.learn.operations import Sibling
from icsguard.learn.player import Player, wires_of
from icsguard.learn.proposal_text import points_text, policy_text
from icsguard.learn.propose import propose
from icsguard.learn.reassembly import Endpoint
from icsguard.learn.traffic import Traffic, from_capture, wires
from icsguard.policy.rules import Policy
from icsguard.protocols.modbus import build
from icsguard.runtime.files import shipped_rules

TEACHING: Final = (
    "moving_two_files_modbus_6RTU",
    "exploit_ms08_netapi_modbus_6RTU_with_operate",
    "CnC_uploading_exe_modbus_6RTU_with_operate",
)
JUDGED: Final = {
    "characterization_modbus_6RTU_with_operate": TEACHING,
    "channel_4d_9s": ("channel_4d_12s",),  # another network; a covert channel runs in both
}
SCADA: Final = "192.168.1.100"
COILS: Final = 200
TRIED_S: Final = 1
BENIGN: Final = ("ModbusTCP.pcap", "modbus_test.pcap")
_IsAttack = Callable[[Transaction], bool]
MAX_DEVICES: Final = 64  # of one capture: a plant's; more are left out, and said


@dataclass(slots=True)
class Judged:
    """What became of one capture."""

    name: str
    benign: int = 0
    stopped: int = 0
    """Benign requests that would not have been forwarded: all of them false refusals."""
    alerted: int = 0
    attacks: int = 0
    reached: int = 0
    """Requests of the attack that reached a device."""
    why: Counter[str] = field(default_factory=Counter)

    def row(self) -> Row:
        """Return the row of the table."""
        low, high = interval(self.attacks - self.reached, self.attacks)
        return {
            "capture": self.name,
            "benign requests": self.benign,
            "falsely refused": self.stopped,
            "share, 95 % at most": upper_bound(self.stopped, self.benign) if self.benign else None,
            "alerted": self.alerted,
            "attack requests": self.attacks,
            "of these stopped": self.attacks - self.reached,
            "95 % interval": f"{low:.4f}-{high:.4f}" if self.attacks else "",
        }


def lemay() -> tuple[Table, list[Judged]]:
    """Return the table of the Lemay captures. Raises DataMissingError."""
    place = folder() / "lemay"
    judged: list[Judged] = []
    tried: list[Judged] = []
    for stem, teaching in JUDGED.items():
        found = Judged(stem)
        policies = _policies([place / f"{one}.pcap" for one in teaching])
        devices = {host for host, _ in policies}
        for device, played in _by_device(place / f"{stem}.pcap").items():
            _play(found, policies.get(device, Policy()), played, _sent_by(devices))
        judged.append(found)
        if not tried:
            tried.append(_tried(policies))
    notes = (
        "A field device that acts as a client is an attack; every other request counts as benign.",
        "The covert channel of channel_4d_9s runs in values that its client may write: it passes, and is not detected.",
        "Where a device was never asked while learning there is no conduit to it: an empty policy stands for that.",
        f"Made up here: {SCADA} tries the first {COILS} coils of every device, one each {TRIED_S} s.",
        "What reaches a device there is what `learn` generalised from operations: with an alert, few times a minute.",
    )
    return Table("lemay", "Lemay: SCADA captures", tuple(one.row() for one in (*judged, *tried)), notes), judged


def _policies(files: Sequence[Path]) -> dict[Endpoint, Policy]:
    """Return what is learnt for each device, one after the other, and again with the others' policies in force."""
    known = sorted(set().union(*(from_capture(file, "lemay").devices for file in files)))[:MAX_DEVICES]
    traffic = {device: [from_capture(file, "lemay", device=device) for file in files] for device in known}
    alone = {device: _policy(recordings) for device, recordings in traffic.items()}
    siblings = {device: [Sibling(one[0], alone[one]) for one in known if one != device] for device in known}
    return {device: _policy(recordings, siblings[device]) for device, recordings in traffic.items()}


def _tried(policies: Mapping[Endpoint, Policy]) -> Judged:
    """Return what becomes of a brute-force attack by the one client that operates there."""
    found = Judged("made up: every coil tried by the SCADA server")
    for device, policy in policies.items():
        wires = [
            Wire(SECOND * (1 + TRIED_S * coil), 1, (SCADA, 40_000), device, from_client=True, data=_switched(coil))
            for coil in range(COILS)
        ]
        _play(found, policy, wires, lambda _: True)
    return found


def _switched(coil: int) -> bytes:
    return build.adu(coil, 1, build.write_coil(coil, on=True))


def benign() -> tuple[Table, list[Judged]]:
    """Return the table of captures without attack. Raises DataMissingError."""
    place = folder() / "modbus_benign"
    judged = []
    for name in BENIGN:
        found = Judged(name)
        for device in _by_device(place / name):
            traffic = from_capture(place / name, "benign", device=device)
            half = len(traffic.transactions) // 2
            policy = _policy([Traffic(traffic.transactions[:half], {})])
            _play(found, policy, wires_of(traffic.transactions[half:]), lambda _: False)
        judged.append(found)
    notes = (
        "Half of 85 and of 119 seconds teaches: habits that come once a minute cannot be known. See the review list.",
    )
    return Table("modbus_benign", "Captures of two plants, benign", tuple(one.row() for one in judged), notes), judged


def _by_device(path: Path) -> dict[Endpoint, list[Wire]]:
    found: dict[Endpoint, list[Wire]] = {}
    for wire in wires(path, Counter()):
        if wire.device in found or len(found) < MAX_DEVICES:
            found.setdefault(wire.device, []).append(wire)
    return found


def _policy(recordings: Sequence[Traffic], siblings: Sequence[Sibling] = ()) -> Policy:
    """Return what `icsguard learn` proposes for one device, read back from its text; an empty one of nothing."""
    examples = tuple(one for traffic in recordings for one in traffic.transactions)
    if not examples:
        return Policy()
    proposal = propose(Traffic(examples, {}), "device", Policy(), siblings=siblings)
    if not proposal.rules:
        return Policy()
    files = {"p.policy.toml": policy_text(proposal), "p.points.csv": points_text(proposal.points), **shipped_rules()}
    policy, _ = check_file(files, "p.policy.toml", "p.points.csv")
    return policy or Policy()


def _sent_by(devices: set[str]) -> _IsAttack:
    """Return what is an attack there: a request of a device that was only ever asked."""
    return lambda one: one.client in devices


def _play(found: Judged, policy: Policy, played: Iterable[Wire], is_attack: _IsAttack) -> None:
    def take(one: Transaction) -> None:
        if is_attack(one):
            found.attacks += 1
            found.reached += one.outcome not in STOPPED
            return
        found.benign += 1
        found.alerted += one.decision == Decision.ALERT
        if one.decision >= Decision.HOLD:
            found.stopped += 1
            found.why[f"{one.client}: {one.request[6:12].hex()}"] += 1

    def forget(_one: Record | Finding) -> None:
        """Only what reaches the device counts here."""

    conduit = Conduit("capture", "127.0.0.1", 1502, "127.0.0.1", 502, policy=policy)
    Player(conduit, Mode.ENFORCE, on_transaction=take, on_record=forget, on_finding=forget).play(played)
