"""Who may open a channel and activate a session at all: security floor, anonymous sessions, passwords in the clear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from icsguard.core.decision import Decision, Layer
from icsguard.core.verdict import Reason
from icsguard.policy.nodes.codes import reply_of
from icsguard.policy.nodes.identity import Identity
from icsguard.policy.nodes.rules import NodePolicy
from icsguard.policy.techniques import ROGUE_CLIENT
from icsguard.protocols.opcua.security import NONE, POLICIES

MODES: Final = {1: "None", 2: "Sign", 3: "SignAndEncrypt"}
"""MessageSecurityMode (P4 §7) to its name."""
VALID_ACCOUNTS: Final = "T0859"
IN_THE_MIDDLE: Final = "T0830"


def channel_reasons(nodes: NodePolicy, identity: Identity) -> Iterator[Reason]:
    """Yield what speaks against sessions on such a channel. Discovery needs none of it."""
    uri = identity.policy or NONE.uri
    permitted = nodes.security_policies or tuple(POLICIES)
    if uri not in permitted or uri not in POLICIES:
        name = uri.rpartition("#")[2][:64]
        yield refusal("security-policy", f"{identity.text} opens a channel of security policy {name!r}", ROGUE_CLIENT)
    if identity.mode < nodes.mode:
        text = (
            f"{identity.text} opens a channel of mode {_mode(identity.mode)}, the policy asks for {_mode(nodes.mode)}"
        )
        yield refusal("security-mode", text, IN_THE_MIDDLE)


def session_reasons(nodes: NodePolicy, identity: Identity) -> Iterator[Reason]:
    """Yield what speaks against a session, beside its channel and its groups."""
    if identity.is_anonymous and not nodes.anonymous:
        yield refusal("anonymous", f"{identity.text} names no user, and the policy admits none such", VALID_ACCOUNTS)
    if identity.mode == 1 and not identity.is_anonymous and not nodes.passwords_unsecured:
        text = f"{identity.text} shows a user's secret on a channel without security"
        yield refusal("password-unsecured", text, IN_THE_MIDDLE)


def refusal(code: str, text: str, technique: str, layer: Layer = Layer.POLICY) -> Reason:
    """Return a refusal that no single rule speaks, with the usual StatusCode of its kind."""
    return Reason(layer, code, text, Decision.REFUSE, "default-deny", technique, reply=reply_of(code))


def _mode(mode: int) -> str:
    return MODES.get(mode, str(mode))
