"""What an ActivateSession wants, and the work of carrying it over: who the user is, which secrets to re-encrypt."""

from __future__ import annotations

from typing import Final, NamedTuple

from icsguard.conversation.opcua.client_leg import ClientLeg
from icsguard.conversation.opcua.credentials import Proof, Resign, Resigned, Secret, Signing
from icsguard.conversation.opcua.device_leg import DeviceLeg
from icsguard.conversation.opcua.endpoints import ANONYMOUS, BASIC256SHA256, USER_NAME, chosen
from icsguard.conversation.opcua.guard import UaGuard
from icsguard.conversation.opcua.ledger import Entry
from icsguard.core.defect import Defect
from icsguard.protocols.opcua.builtin import NO_EXTENSION, ExtensionObject
from icsguard.protocols.opcua.messages_session import (
    ActivateSessionRequest,
    AnonymousToken,
    EndpointDescription,
    UserNameToken,
    UserTokenPolicy,
)
from icsguard.protocols.opcua.security import NONE, POLICIES, PolicyLaw
from icsguard.protocols.opcua.services import structure, wrapped
from icsguard.protocols.opcua.status import STATUS

MAX_USER: Final = 256  # characters of a user name; longer ones are refused
_REJECTED: Final = STATUS["BadIdentityTokenRejected"]
_INVALID: Final = STATUS["BadIdentityTokenInvalid"]


class Wish(NamedTuple):
    """An activation as it goes on to the device."""

    user: str
    """Empty for anonymous."""
    policy: UserTokenPolicy | None
    """The device's own policy of such a token; None where it lists none."""
    work: Resign

    def token(self, made: Resigned) -> ExtensionObject:
        """Return the identity token for the device."""
        id_ = self.policy.id if self.policy is not None else None
        if self.user:
            return wrapped(UserNameToken(id_, self.user, made.secret, made.algorithm))
        return wrapped(AnonymousToken(id_))


def wished(
    guard: UaGuard, near: ClientLeg, far: DeviceLeg, entry: Entry, asked: ActivateSessionRequest
) -> Wish | Defect:
    """Return what an ActivateSession wants, or why its user cannot be carried over."""
    token = _token(asked)
    if isinstance(token, Defect):
        return token
    model = chosen(guard.device_endpoints, guard.options.server_security)
    kind = USER_NAME if isinstance(token, UserNameToken) else ANONYMOUS
    policy = _policy(model, kind, token.policy)
    if policy is None and (kind == USER_NAME or model is not None):
        return Defect("token-policy", "the device offers no such way for users", reply=_REJECTED)
    secret = None
    if isinstance(token, UserNameToken):
        found = _secret(guard, near, far, entry, token, policy)
        if isinstance(found, Defect):
            return found
        secret = found
    work = Resign(_proof(guard, near, entry, asked), _signing(far, entry), secret)
    return Wish((token.user or "") if isinstance(token, UserNameToken) else "", policy, work)


def _token(asked: ActivateSessionRequest) -> AnonymousToken | UserNameToken | Defect:
    if asked.identity == NO_EXTENSION:
        return AnonymousToken(None)
    found = structure(asked.identity)
    if isinstance(found, Defect):
        return Defect("session-token", found.text, reply=_INVALID)
    if isinstance(found, AnonymousToken):
        return found
    if not isinstance(found, UserNameToken):
        # A user's certificate signs the device's nonce with a key that nobody in the middle has (P4 §7.36.5).
        return Defect("token-kind", "users by certificate or issued token cannot be carried over", reply=_REJECTED)
    if not 0 < len(found.user or "") <= MAX_USER:
        return Defect("session-token", f"a user name of {len(found.user or '')} characters", reply=_INVALID)
    return found


def _policy(model: EndpointDescription | None, kind: int, id_: str | None) -> UserTokenPolicy | None:
    """Return the device's policy of that kind, preferably the one that the client names."""
    found = [token for token in (model.tokens or ()) if token.type == kind] if model is not None else []
    return next((token for token in found if token.id == id_), found[0] if found else None)


def _secret(
    guard: UaGuard,
    near: ClientLeg,
    far: DeviceLeg,
    entry: Entry,
    token: UserNameToken,
    policy: UserTokenPolicy | None,
) -> Secret | Defect:
    """Return the password on its way between two encryptions."""
    law: PolicyLaw = near.channel.policy
    if not law.secures and guard.legs.ours is not None:
        law = POLICIES[BASIC256SHA256]
    if not token.algorithm and not law.secures:
        law = NONE
    device_law = POLICIES.get(policy.security) if policy is not None and policy.security else far.channel.policy
    if device_law is None:
        return Defect("token-policy", "the device wants passwords by an unknown policy", reply=_REJECTED)
    return Secret(
        token.password or b"",
        token.algorithm or "",
        guard.legs.ours.key if guard.legs.ours is not None else None,
        law,
        entry.our_nonce,
        far.token_certificate,
        device_law,
        entry.device_nonce,
    )


def _proof(guard: UaGuard, near: ClientLeg, entry: Entry, asked: ActivateSessionRequest) -> Proof | None:
    ours, peer = guard.legs.ours, near.channel.peer
    if peer is None or ours is None:
        return None
    return Proof(peer, near.channel.policy, asked.signature.signature or b"", ours.leaf + entry.our_nonce)


def _signing(far: DeviceLeg, entry: Entry) -> Signing | None:
    upstream = far.ours
    if far.certificate is None or upstream is None:
        return None
    return Signing(upstream, far.channel.policy, far.certificate.der + entry.device_nonce)
