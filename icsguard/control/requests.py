"""What an operator can ask of a running gateway: one typed request per verb, one JSON line each.

The answers are in `replies`; who may ask for what is in `roles`; `codec` turns both into lines.
"""

from __future__ import annotations

from typing import Final

import msgspec

from icsguard.core.decision import Mode
from icsguard.core.isolation import Scope
from icsguard.core.record import RecordKind
from icsguard.core.sandbox import Option

DEFAULT_ISOLATION_S: Final = 900
"""A quarter of an hour: long enough to look, short enough to be forgotten without harm."""
MAX_ISOLATION_S: Final = 7 * 24 * 3600  # a longer one is a decision and says so: permanent
MAX_GRANT_S: Final = 30 * 24 * 3600  # a longer permission belongs into the policy, where it is reviewed
MAX_REASON: Final = 500  # characters; a reason is a sentence, and it goes into every record of the change
MAX_RECORDS_ASKED: Final = 1_000  # more than any screen shows; the rest is in the records' own file
ALL: Final = "*"
"""Stands for every conduit."""


def spoken(name: str) -> str:
    """Return a class name as it is written on the socket: `GetStatus` becomes `get-status`."""
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", tag=spoken):
    """The common parent: a request names itself in the field `do`; an unknown field is an error, never ignored."""


class GetStatus(Asked, frozen=True, kw_only=True):
    """How is everything? Answered by `Status`."""


class GetSessions(Asked, frozen=True, kw_only=True):
    """Who is connected? Answered by `Sessions`."""

    conduit: str = ""
    """Empty for all."""


class GetPoints(Asked, frozen=True, kw_only=True):
    """What are the process variables right now? Answered by `Points`."""

    conduit: str = ""


class Explain(Asked, frozen=True, kw_only=True):
    """Why did this happen? Answered by `Explained`."""

    id: str
    """A record's id, a ticket's id, or `last` for the newest record of a refusal, hold, alert or finding."""


class GetRecords(Asked, frozen=True, kw_only=True):
    """What happened lately? Answered by `Records`, newest last."""

    last: int = 20
    kind: RecordKind | None = None
    conduit: str = ""
    client: str = ""


class ListTickets(Asked, frozen=True, kw_only=True):
    """Which requests wait for a human? Answered by `Tickets`."""


class ListGrants(Asked, frozen=True, kw_only=True):
    """Which permissions with an end are in force? Answered by `Grants`."""


class TryOut(Asked, frozen=True, kw_only=True):
    """What would come of these alternatives, in the twin? Nothing is done. Answered by `Tried`."""

    conduit: str
    options: tuple[Option, ...]
    """At most MAX_OPTIONS; doing nothing is always tried besides."""


class Change(Asked, frozen=True, kw_only=True):
    """The parent of all that changes something: it has a reason, which is recorded with the operator's name."""

    reason: str


class Isolate(Change, frozen=True, kw_only=True):
    """Cut a client off. Answered by `Done`."""

    client: str
    """IP address."""
    conduit: str = ALL
    scope: Scope = Scope.FULL
    seconds: int = DEFAULT_ISOLATION_S
    permanent: bool = False
    """Only a human may say so; `seconds` is then ignored."""


class Release(Change, frozen=True, kw_only=True):
    """End an isolation before its time. Answered by `Done`."""

    client: str
    conduit: str = ALL


class Approve(Change, frozen=True, kw_only=True):
    """Let the exact request of a ticket pass once, when the client sends it again. Answered by `Done`."""

    ticket: str


class Deny(Change, frozen=True, kw_only=True):
    """Close a ticket: the request stays refused. Answered by `Done`."""

    ticket: str


class SetMode(Change, frozen=True, kw_only=True):
    """Change how far a conduit acts on its decisions; kept over restarts. Answered by `Done`."""

    conduit: str
    mode: Mode


class Reload(Change, frozen=True, kw_only=True):
    """Read configuration and policies again; on any error the old ones stay in force. Answered by `Done`."""


class AddGrant(Change, frozen=True, kw_only=True):
    """Permit something for a while. Answered by `Done`. At least one of the three lists is not empty."""

    conduit: str
    client: str
    """IP address or network."""
    seconds: int
    functions: tuple[str, ...] = ()
    """Function codes in policy notation: `6`, `8/0`."""
    points: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    """Address ranges in policy notation: `holding 0..39`."""
    units: tuple[int, ...] = ()
    """Unit identifiers; empty for those that the conduit's points declare."""
    max_uses: int = 0
    """After so many requests the grant ends; 0 for no such bound."""


class EndGrant(Change, frozen=True, kw_only=True):
    """End a grant before its time. Answered by `Done`."""

    conduit: str
    id: str


class NoteModel(Change, frozen=True, kw_only=True):
    """A conduit's model files were changed by hand of an operator: keep that on record. Answered by `Done`."""

    conduit: str
    what: str
    """What was done, as a sentence."""


class Stop(Change, frozen=True, kw_only=True):
    """Drain and stop the gateway. Answered by `Done`, then it stops."""


Request = (
    GetStatus
    | GetSessions
    | GetPoints
    | Explain
    | GetRecords
    | ListTickets
    | ListGrants
    | TryOut
    | Isolate
    | Release
    | Approve
    | Deny
    | SetMode
    | Reload
    | AddGrant
    | EndGrant
    | NoteModel
    | Stop
)
"""Everything that the control socket understands."""
