"""What each finding is called elsewhere and what a false one looks like: one line a code.

Technique ids are MITRE ATT&CK for ICS, version 18.1; rules/attack-ics.toml has their names.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Kind(NamedTuple):
    """A code's technique and its most likely harmless cause."""

    technique: str
    harmless: str


ATTACK_VERSION: Final = "18.1"

KINDS: Final[dict[str, Kind]] = {
    "unsafe-consequence": Kind(
        "T0831", "the plant was changed since the twin learnt it, or another unit makes up for it"
    ),
    "unsafe-setpoint": Kind("T0836", "the safe envelope in the point list is narrower than the plant allows"),
    "travel-budget": Kind("T0836", "a start-up or a change of product that was not seen while learning"),
    "toggling": Kind("T0831", "an operator jogs a drive during maintenance"),
    "beyond-learnt-range": Kind("T0836", "a value that is right but was not used while learning"),
    "first-write": Kind("T0855", "an engineer uses a point for the first time since learning"),
    "write-not-effective": Kind("T0856", "the device limits or ignores the value, as it may in local mode"),
    "changed-without-write": Kind("T0856", "somebody operated the device on its own panel"),
    "frozen": Kind("T0856", "a sensor failed or the plant is at rest"),
    "exact-repeat": Kind("T0856", "a simulator or a device in test mode answers"),
    "wrong-answer": Kind("T0830", "a device or converter with a faulty protocol stack"),
    "slow-answers": Kind("T0830", "the device or the network is under load"),
    "no-answers": Kind("T0804", "the device was switched off or its line is down"),
    "readers-disagree": Kind("T0830", "two gateways or caches of different age stand between"),
    "paths-disagree": Kind("T0832", "one of the two paths scales the value, or serves it from a cache"),
    "clock-skew": Kind("T0856", "the server's clock is not kept in step, or its time zone is wrong"),
    "stale": Kind("T0815", "the client that polls these points was stopped or reconfigured"),
    "implausible": Kind("T0856", "a sensor drifts, or the plant works in a way that was not seen while learning"),
    "implausible-drift": Kind("T0856", "a season or a recipe that was not seen while learning"),
    "unusual-flow": Kind("T0848", "a SCADA client was reconfigured or restarted"),
    "scan": Kind("T0846", "an engineer searches a device with a diagnostic tool"),
    "flood": Kind("T0814", "a client polls without pause after a configuration error"),
    "refused-often": Kind("T0855", "a client's configuration does not fit the policy"),
}


def kind(code: str) -> Kind:
    """Return what is known of a code."""
    return KINDS.get(code, Kind("", ""))
