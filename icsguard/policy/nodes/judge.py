"""The judge of nodes: one policy compiled, and its verdicts on a service and on each node that a request names.

Deterministic like `policy.decide`: the same policy, memory, request and `now` give the same verdicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from icsguard.core.decision import Decision
from icsguard.core.meaning import Intent, Meaning, NodeAccess, NodeChange
from icsguard.core.verdict import ALLOWED, Reason, Verdict
from icsguard.policy.case import Ground
from icsguard.policy.clients import shown
from icsguard.policy.memory import Memory
from icsguard.policy.nodes import floor
from icsguard.policy.nodes.bounds import NOTHING, Usage, over
from icsguard.policy.nodes.cells import LOOKS, NodeCells, NodeLine
from icsguard.policy.nodes.effects import Effects
from icsguard.policy.nodes.identity import Identity, Members
from icsguard.policy.nodes.law import NodeLaw
from icsguard.policy.nodes.memory import NodeMemory, Number
from icsguard.policy.nodes.rules import NodePolicy
from icsguard.policy.nodes.services import ALWAYS, CALL, VALUE, WRITE
from icsguard.policy.nodes.verdicts import Judged, summed
from icsguard.policy.nodes.weighing import Item, NodeCase, Weighed, Weigher, eased
from icsguard.policy.rules import Policy
from icsguard.policy.techniques import ROGUE_CLIENT
from icsguard.policy.windows import FOREVER
from icsguard.protocols.opcua.services import Request
from icsguard.protocols.opcua.trim import Bounds, trimmed

_FREE: Final = Verdict(Decision.ALLOW, Decision.ALLOW, rule="session")
_CACHED: Final = LOOKS
_NO_CHANGES: Final[list[NodeChange]] = []


class NodeJudge:
    """Compiled from a policy; building it is the expensive part. Holds no state but bounded look-up tables."""

    def __init__(self, policy: Policy) -> None:
        nodes = policy.opcua or NodePolicy()
        self.policy = policy
        self.digest = policy.digest
        self.limits = nodes.limits
        self._bounds = Bounds(self.limits.publishing_ms, self.limits.sampling_ms, self.limits.queue)
        self._nodes = nodes
        self._members = Members(policy, nodes.identities)
        self._cells = NodeCells(policy, nodes)
        self._laws = {point.node: NodeLaw(point) for point in nodes.points}
        self._names = {node: law.point.name for node, law in self._laws.items()}
        self._roots = frozenset(root for rule in nodes.rules for root in rule.subtrees)
        self._effects = Effects(nodes.methods(), nodes.points, self._laws)
        self._weigher = Weigher(self._laws, policy.defaults, self._effects)

    @property
    def has_rules(self) -> bool:
        """Say whether there is anything to ask."""
        return bool(self._nodes.rules)

    def client(self, address: str) -> str:
        """Return the names of an address's groups for records; empty for an unknown one."""
        return shown(self._members.address(address))

    def who(self, identity: Identity) -> str:
        """Return the names of an identity's groups for records, comma-separated."""
        return shown(self._members.of(identity))

    def memory(self, former: NodeMemory | None = None, *, beside: Memory | None = None) -> NodeMemory:
        """Return the memory to judge with: `former` fitted to this policy, or a new one beside a plain memory."""
        if former is None:
            return NodeMemory(self._names, self._roots, beside)
        former.adopt(self._names, self._roots)
        return former

    # Who may speak at all.

    def channel(self, identity: Identity) -> Verdict:
        """Return the verdict on sessions over a channel of such policy and mode."""
        return self._refused(list(floor.channel_reasons(self._nodes, identity)))

    def admits(self, identity: Identity, memory: NodeMemory, now: int) -> Verdict:
        """Return the verdict on activating a session."""
        del memory, now  # the same at every hour; hours belong to the rules
        reasons = [*floor.channel_reasons(self._nodes, identity), *floor.session_reasons(self._nodes, identity)]
        if not self._cells.speaks_of(self._members.of(identity)):
            text = f"no rule speaks of {identity.text}: neither of its address nor of its certificate or user"
            reasons.append(floor.refusal("identity-unknown", text, ROGUE_CLIENT))
        return self._refused(reasons)

    def over(self, request: Request, usage: Usage = NOTHING) -> Reason | None:
        """Return why a request asks for more than the limits give, None where it does not."""
        return over(request, self.limits, usage)

    def trimmed(self, request: Request) -> bytes:
        """Return a request's bytes with its intervals and queues within the limits."""
        return trimmed(request, self._bounds)

    # What it may do.

    def service(self, identity: Identity, number: int, memory: NodeMemory, now: int) -> Verdict:
        """Return the verdict on a service, whichever nodes it will name. Nothing is counted."""
        if number in ALWAYS:
            return _FREE
        case = self._case(identity, Meaning(Intent.SESSION, number, -1, 0, (), ()), memory, now)
        return summed(self._weigher.service(case), 0, "")

    def decide(
        self, identity: Identity, meaning: Meaning, memory: NodeMemory, now: int, *, count: bool = True
    ) -> Judged:
        """Return the verdicts on one request. `count=False` re-judges without touching rates and uses of grants."""
        if meaning.function in ALWAYS:
            return Judged(_FREE, (_FREE,) * len(meaning.nodes))
        case = self._case(identity, meaning, memory, now)
        lasts = self._lasts(case)
        grounds = self._weigher.service(case)
        if grounds and not case.cell.permits:
            return _whole(summed(grounds, lasts, ""), meaning)
        if not meaning.nodes:
            found = self._weigher.bare(case)
            grounds += [*found.grounds, *self._counted([found], case, count=count)]
            return Judged(summed(grounds, lasts, found.rule), ())
        items, weighed = self._items(case, lasts)
        grounds += self._counted(weighed, case, count=count)
        service = summed(grounds, lasts, "")
        return Judged(service, items) if service.decision < Decision.REFUSE else _whole(service, meaning)

    def delivered(self, meaning: Meaning, memory: NodeMemory, now: int) -> None:
        """A write was handed to the device: its intervals and ramps start, its values are on their way."""
        memory.beside.version += 1
        for law, change in self._put_into_points(meaning):
            point = law.point
            number = _number(law, change)
            history = memory.history(point.name)
            history.written_at = now
            if law.ramps and number is not None:
                olds = memory.present(point.name, point.max_age_ns, now)
                history.add(max((abs(number - old) for old in olds), default=0), now)
            memory.written(point.name, number, now)

    def unknown(self, meaning: Meaning, memory: NodeMemory) -> None:
        """Nobody knows what became of a write: its points are not known any more."""
        for node in self._touched(meaning):
            memory.unknown(node)

    def rejected(self, meaning: Meaning, memory: NodeMemory) -> None:
        """The server refused these nodes itself: what was there before is still there."""
        for node in self._touched(meaning):
            memory.rejected(node)

    def is_safety(self, meaning: Meaning) -> bool:
        """Say whether the request writes, and writes nothing but values of declared safety points."""
        if meaning.function != WRITE or not meaning.nodes:
            return False
        laws = [self._laws.get(access.node) for access in meaning.nodes if access.attribute == VALUE]
        return len(laws) == len(meaning.nodes) and all(law is not None and law.is_safety for law in laws)

    def is_secret(self, meaning: Meaning) -> bool:
        """Say whether the request touches a point whose value must not be recorded."""
        laws = (self._laws.get(node) for node in self._touched(meaning))
        return any(law is not None and law.is_secret for law in laws)

    def _touched(self, meaning: Meaning) -> Iterator[str]:
        """Yield the nodes of a request, and those that its calls set."""
        for access in meaning.nodes:
            yield access.node
            yield from self._effects.nodes(access)

    def _put_into_points(self, meaning: Meaning) -> Iterator[tuple[NodeLaw, NodeChange | None]]:
        """Yield what a Write or Call puts into declared points."""
        for change in meaning.node_changes if meaning.function == WRITE else ():
            law = self._written_law(meaning, change)
            if law is not None:
                yield law, change
        if self._effects and meaning.function == CALL:
            yield from self._effects.called(meaning)

    def _case(self, identity: Identity, meaning: Meaning, memory: NodeMemory, now: int) -> NodeCase:
        groups = self._members.of(identity)
        return NodeCase(identity, groups, meaning, self._cells.cell(groups, meaning.function), memory, now)

    def _items(self, case: NodeCase, lasts: int) -> tuple[tuple[Verdict, ...], list[Weighed]]:
        changes: dict[int, list[NodeChange]] = {}
        for change in case.meaning.node_changes:
            changes.setdefault(change.place, []).append(change)
        before: dict[str, list[Number]] = {}
        verdicts: list[Verdict] = []
        weighed: list[Weighed] = []
        for place, access in enumerate(case.meaning.nodes):
            quick = self._quick(case, access)
            if quick is not None:
                verdicts.append(quick.quick)
                continue
            item = Item(access, changes.get(place, _NO_CHANGES), before)
            found = self._weigher.item(case, item)
            weighed.append(found)
            verdict = summed(found.grounds, lasts, found.rule)
            verdicts.append(verdict)
            if verdict.decision < Decision.REFUSE:
                self._put(item, before)
        return tuple(verdicts), weighed

    def _quick(self, case: NodeCase, access: NodeAccess) -> NodeLine | None:
        if access.intent in LOOKS:
            for line in case.cell.quick:
                if line.reaches(access, case.memory.tree) and line.takes(access):
                    return line
        return None

    def _put(self, item: Item, before: dict[str, list[Number]]) -> None:
        """Note what an item leaves in points, for later items of the same request."""
        law = self._laws.get(item.access.node)
        put = list(self._effects.of(item.access, item.changes))
        if law is not None and item.access.attribute == VALUE:
            put += [(law, change) for change in item.changes]
        for one, change in put:
            number = _number(one, change)
            if number is not None:
                before.setdefault(one.point.node, []).append(number)

    def _counted(self, weighed: list[Weighed], case: NodeCase, *, count: bool) -> list[Ground]:
        """Count one use of each rule and grant that serves the request; return what is used up."""
        if not count:
            return []
        grants = {found.grant.given.grant.id for found in weighed if found.grant and found.grant.given.grant.max_uses}
        for grant in grants:
            case.memory.beside.use(grant)
        serving = {found.line.rule.id: found.line for found in weighed if found.line and not _is_refused(found)}
        grounds = [ground for line in serving.values() if (ground := self._weigher.rate(line, case)) is not None]
        return [eased(ground) for ground in grounds] if self.is_safety(case.meaning) else grounds

    def _lasts(self, case: NodeCase) -> int:
        """Return until when (steady clock) a byte-equal request has the same verdicts; 0 for no longer than now."""
        cell = case.cell
        if case.meaning.intent not in _CACHED or cell.uncountable:
            return 0
        shift = case.memory.wall_shift
        edges = [hours.next_edge(case.wall) - shift for hours in cell.hours]
        edges += [one.given.next_edge(case.now, shift) for one in cell.passes]
        return min(edges, default=FOREVER)

    def _written_law(self, meaning: Meaning, change: NodeChange) -> NodeLaw | None:
        if meaning.function != WRITE or not 0 <= change.place < len(meaning.nodes):
            return None
        access = meaning.nodes[change.place]
        return self._laws.get(access.node) if access.attribute == VALUE else None

    def _refused(self, reasons: list[Reason]) -> Verdict:
        state = self.policy.defaults.state
        return summed([Ground(reason, state) for reason in reasons], 0, "") if reasons else ALLOWED


def _number(law: NodeLaw, change: NodeChange | None) -> Number | None:
    """Return the single number that is put into a point, None where it is none."""
    return law.number(change.type, change.values[0]) if change is not None and len(change.values) == 1 else None


def _whole(verdict: Verdict, meaning: Meaning) -> Judged:
    return Judged(verdict, (verdict,) * len(meaning.nodes))


def _is_refused(found: Weighed) -> bool:
    return any(ground.decision >= Decision.REFUSE for ground in found.grounds)
