"""What can be judged of a channel whose contents may be hidden: policy, mode, certificates."""

from __future__ import annotations

from typing import Final

from icsguard.conversation.opcua.guard import UaGuard
from icsguard.core.decision import Decision
from icsguard.core.defect import Defect
from icsguard.policy.nodes.identity import Identity
from icsguard.protocols.opcua.asymmetric import open_head
from icsguard.protocols.opcua.passthrough import Watch
from icsguard.protocols.opcua.status import STATUS
from icsguard.protocols.opcua.uacp import Frame

CHECKS: Final = STATUS["BadSecurityChecksFailed"]
_REJECTED: Final = STATUS["BadSecurityPolicyRejected"]
_MODE: Final = STATUS["BadSecurityModeRejected"]


def unwanted(guard: UaGuard, watch: Watch, frame: Frame, now: int) -> Defect | None:
    """Judge a client's OPN: its policy, and its certificate where a trust list is kept."""
    policy = watch.policy
    if not policy.secures:
        return None
    if policy.uri not in {uri for uri, _ in guard.options.client_security}:
        return Defect("channel-policy", f"{policy.name} is not permitted here", fatal=True, reply=_REJECTED)
    if guard.trust.is_empty:
        return None
    head = open_head(frame)
    if isinstance(head, Defect):
        return head
    fault = guard.trust.client(head[0].certificate or b"", "", now + guard.wall_shift)
    return None if fault is None else fault._replace(fatal=True, reply=CHECKS)


def untrusted(guard: UaGuard, watch: Watch, frame: Frame, now: int) -> Defect | None:
    """Return why the certificate in a device's OPN is not trusted, where a trust list or pin is kept."""
    if not watch.policy.secures or guard.trust.is_empty:
        return None
    head = open_head(frame)
    if isinstance(head, Defect):
        return head
    return guard.trust.server(head[0].certificate or b"", now + guard.wall_shift)


def revoked(guard: UaGuard, chains: tuple[bytes, bytes], now: int) -> Defect | None:
    """Return why client or device of a live channel are no longer trusted; `chains` as their OPN showed them."""
    client, device = chains
    wall = now + guard.wall_shift
    if not guard.acts or guard.trust.is_empty:
        return None
    fault = guard.trust.client(client, "", wall) if client else None
    fault = fault or (guard.trust.server(device, wall) if device else None)
    return None if fault is None else fault._replace(fatal=True, reply=CHECKS)


def chain_shown(frame: Frame) -> bytes:
    """Return the certificates of an OPN as sent; empty where it shows none."""
    head = open_head(frame)
    return b"" if isinstance(head, Defect) else head[0].certificate or b""


def unfit(guard: UaGuard, watch: Watch, peer: Identity) -> Defect | None:
    """Return why a channel's security is too weak, once its mode shows; under None sessions are judged one by one."""
    if not guard.judges or not watch.policy.secures:
        return None
    if (watch.policy.uri, int(watch.mode or 0)) not in guard.options.client_security:
        mode = watch.mode.name if watch.mode is not None else "unknown"
        return Defect("channel-mode", f"{watch.policy.name} {mode} is not permitted here", fatal=True, reply=_MODE)
    verdict = guard.nodes.channel(peer)
    if verdict.decision < Decision.REFUSE:
        return None
    text = verdict.reasons[0].text if verdict.reasons else "its security is below the floor"
    return Defect("channel-floor", text, fatal=True, reply=verdict.reply or _REJECTED)
