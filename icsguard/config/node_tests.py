"""`icsguard policy test` on nodes: one case, who asks and in which words, through the real codec and the real judge."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from icsguard.config.node_file import MODE_NUMBERS
from icsguard.config.node_words import meaning_of
from icsguard.config.policy_schema import CaseSection
from icsguard.core.verdict import Verdict
from icsguard.policy.nodes.identity import Identity
from icsguard.policy.nodes.judge import NodeJudge
from icsguard.policy.nodes.rules import NodePolicy, NodeRule
from icsguard.policy.nodes.services import NAMED_ONLY, OPERATOR
from icsguard.policy.rules import Policy
from icsguard.protocols.opcua.security import NONE, POLICIES

OPEN: Final = "open session"
"""The request of a case that asks who is admitted."""
_SECURED: Final = next(uri for uri, law in POLICIES.items() if law.secures)


def verdict_of(case: CaseSection, policy: Policy, now: int) -> Verdict:
    """Return the verdict on a case. Raises ValueError where its words are no request."""
    judge = NodeJudge(policy)
    memory = judge.memory()
    points = {point.name: point for point in (policy.opcua or NodePolicy()).points}
    for name, value in case.present.items():
        if name not in points:
            raise ValueError(f"present {name!r} is no point with a node")
        memory.seen(points[name].node, value, now)
    who = identity_of(case)
    if case.node.strip() == OPEN:
        return judge.admits(who, memory, now)
    judged = judge.decide(who, meaning_of(case.node, points), memory, now)
    return judged.items[0] if judged.items else judged.service


def beside_everything(rules: Iterable[NodeRule]) -> NodePolicy:
    """Return the rules of a pack beside one that permits what can be permitted: only denials show."""
    services = tuple(sorted(OPERATOR | NAMED_ONLY))
    rule = NodeRule("everything", (), services, nodes=("nsu=urn:plant;*", "i=2258"), methods=("nsu=urn:plant;s=Start",))
    return NodePolicy(rules=(rule, *rules), mode=1, anonymous=True)


def identity_of(case: CaseSection) -> Identity:
    """Return who asks: by default a user-less session over an encrypted channel."""
    mode = MODE_NUMBERS[case.security]
    return Identity(
        case.client,
        case.application,
        case.certificate.lower().replace(":", ""),
        case.user,
        NONE.uri if mode == 1 else _SECURED,
        mode,
    )
