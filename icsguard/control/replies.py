"""What a running gateway answers: one typed reply per kind, one JSON line each. Field names are stable (`--json`)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from icsguard.control.requests import spoken
from icsguard.core.decision import Mode
from icsguard.core.isolation import Isolation
from icsguard.core.live import PointState
from icsguard.core.record import Record
from icsguard.core.sandbox import Sandbox


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag_field="is", tag=spoken):
    """The common parent: a reply names itself in the field `is`. Moments are ns of the steady clock.

    Wall clock = moment + `wall_shift` of the reply, where it has one (`Timed`, `Status`).
    """


class Timed(Answered, frozen=True, kw_only=True):
    """The common parent of those that speak of moments."""

    now: int
    wall_shift: int


class FailureCode(StrEnum):
    """Why a request failed; the command line turns it into its exit code."""

    DENIED = "denied"
    """The caller's role may not ask for this."""
    UNKNOWN = "unknown"
    """There is no such conduit, client, ticket, record or grant."""
    INVALID = "invalid"
    """The request itself is wrong."""
    REFUSED = "refused"
    """The gateway's own bounds or the state of things forbid it."""
    UNAVAILABLE = "unavailable"
    """The part that knows (shadow, recorder) does not answer."""
    BROKEN = "broken"
    """The gateway failed while answering; its log says more."""


class Failure(Answered, frozen=True, kw_only=True):
    """The request was not done."""

    code: FailureCode
    text: str
    """One plain sentence."""
    hint: str = ""
    """What to type next."""
    details: tuple[str, ...] = ()
    """Further lines, e.g. each problem of a policy with file and line."""


class Done(Answered, frozen=True, kw_only=True):
    """The request was done."""

    text: str
    """One plain sentence: what holds now."""
    undo: str = ""
    """The command that takes it back; empty where nothing can."""
    until: int = 0
    """When it ends by itself; 0 where it does not."""
    record: str = ""
    """Id of the record that keeps it."""
    wall_shift: int = 0
    details: tuple[str, ...] = ()


class ConduitStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One conduit on one line."""

    name: str
    protocol: str
    listen: str
    """`host:port`; the port that is really open."""
    device: str
    device_state: str
    """`up`, `idle` (connected on demand, nobody asked yet), or `down`."""
    mode: Mode
    clients: int
    requests_per_s: float
    """Over the last ten seconds or so."""
    p99_added_us: int
    """Time between a request's arrival and its forwarding, 99 of 100; 0 where nothing was measured."""
    twin: str
    """How well the twin fits, in few words: `0.8 %`, `no sync`, `none`."""
    failure_policy: str
    """What happens to writes if the shadow fails."""
    policy_digest: str
    rules: int = 0
    transactions: int = 0
    refused: int = 0
    held: int = 0
    alerted: int = 0
    would_be: int = 0
    """What enforcement would have stopped, in learn and observe."""
    failovers: int = 0
    writes_unknown: int = 0
    """Writes whose outcome is not known."""
    links: str = ""
    """How the links that clients share stand, in few words; empty where each client has its own."""
    quirks: tuple[str, ...] = ()
    """Checks that are relaxed for the device."""


class PartStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One of the processes beside the gateway."""

    role: str
    """`shadow` or `recorder`."""
    state: str
    """`up` or `down`."""
    since: int = 0
    pid: int = 0
    lost: int = 0
    """Transactions and records that could not be handed to it."""
    facts: dict[str, str | int | float] = {}
    """What it says of itself, each second."""


class Status(Answered, frozen=True, kw_only=True):
    """Everything that fits one screen."""

    name: str
    version: str
    pid: int
    now: int
    started: int
    wall_shift: int
    config: str
    """Path of icsguard.toml."""
    settings_digest: str
    conduits: tuple[ConduitStatus, ...]
    parts: tuple[PartStatus, ...]
    isolations: tuple[Isolation, ...]
    tickets: int
    grants: int
    core: str = ""
    """`compiled` or `Python`: what the per-frame code of the gateway runs as."""
    last_change: str = ""
    """The last thing that an operator changed, as a sentence."""
    warnings: tuple[str, ...] = ()
    """What a human must know: a failed reload, a lost state file, a full disk."""


class SessionLine(msgspec.Struct, frozen=True, kw_only=True):
    """One connected client."""

    flow: int
    conduit: str
    client: str
    """`address:port`."""
    group: str
    """Its name in the policy; empty where it has none."""
    since: int
    last: int
    """When it last asked something; 0 for never."""
    requests: int
    writes: int
    refused: int
    in_flight: int
    state: str
    """`open`, `draining`, `isolated`, `writes isolated`."""


class Sessions(Timed, frozen=True, kw_only=True):
    """Who is connected."""

    sessions: tuple[SessionLine, ...]


class Points(Timed, frozen=True, kw_only=True):
    """The process variables as the shadow knows them."""

    points: tuple[PointState, ...]


class Explained(Timed, frozen=True, kw_only=True):
    """One record, complete, with what became of it."""

    record: Record
    isolated: bool = False
    """The record's client is isolated now."""
    ticket_state: str = ""
    """`open`, `approved`, `denied`, `used`, `expired`, where the record has a ticket."""


class Records(Timed, frozen=True, kw_only=True):
    """What happened lately, newest last."""

    records: tuple[Record, ...]


class TicketLine(msgspec.Struct, frozen=True, kw_only=True):
    """One request that waits for a human."""

    id: str
    conduit: str
    client: str
    opened: int
    until: int
    request: str
    """In words: `write holding register 100 (40101) = 65535, unit 17`."""
    why: str
    """One plain sentence."""
    state: str = "open"
    asked: int = 1
    """How often the client sent it."""
    record: str = ""
    """Id of the record that explains it."""


class Tickets(Timed, frozen=True, kw_only=True):
    """All tickets that are not closed."""

    tickets: tuple[TicketLine, ...]


class GrantLine(msgspec.Struct, frozen=True, kw_only=True):
    """One permission with an end."""

    id: str
    conduit: str
    client: str
    what: str
    """What it permits, in words."""
    until: int
    """Wall clock, ns since the epoch (grants follow the wall clock, over restarts)."""
    used: int
    max_uses: int
    by: str
    reason: str


class Grants(Timed, frozen=True, kw_only=True):
    """All grants in force."""

    grants: tuple[GrantLine, ...]


class Tried(Timed, frozen=True, kw_only=True):
    """What would come of several alternatives, side by side."""

    result: Sandbox


Reply = Failure | Done | Status | Sessions | Points | Explained | Records | Tickets | Grants | Tried
"""Everything that the control socket answers."""
