"""What a conversation promises, held against everything that one session says and does.

The mirror tells how each request ended; the commands tell what went over the wires. Both must tell the same story, and
a plain reading of the client's bytes (`law.frames`) says which requests there were.
"""

from collections import Counter

import law
from settings_pool import is_permitted

from icsguard.conversation.folding import MAX_FOLDS
from icsguard.conversation.hot import MAX_CACHED_READS
from icsguard.conversation.isolations import MAX_ISOLATIONS, MAX_WATCHED
from icsguard.conversation.run import MAX_RECENT
from icsguard.conversation.tickets import MAX_CLOSED, MAX_TICKETS
from icsguard.conversation.turns import MAX_WAITING
from icsguard.core.transaction import Outcome
from icsguard.protocols.modbus.mbap import MAX_PENDING, whole
from icsguard.protocols.modbus.meaning import answer_due, changes_plant, meaning
from icsguard.protocols.modbus.pdu import parse_request, parse_response

DELIVERED = (Outcome.ANSWERED, Outcome.EXCEPTION)
SILENT = (Outcome.NO_ANSWER_DUE, Outcome.DROPPED, Outcome.ABANDONED)
NEVER_HANDED_OVER = (Outcome.REFUSED, Outcome.UNREACHABLE, Outcome.DROPPED)
CODES = {
    Outcome.REFUSED: (1, 2, 3, 4, 6),
    Outcome.UNREACHABLE: (0x0A, 0x0B),  # 0x0B: a unit behind a shared link that is left alone for a while
    Outcome.TIMED_OUT: (0x0B,),
    Outcome.UNKNOWN: (0x0B,),
}


class Watch:
    """Everything known about one client connection, from outside."""

    def __init__(self, session, conduit):
        self.session = session
        self.is_told_to_close = False
        self.is_to_be_closed = False
        self.is_gone = False
        self.rest = b""
        """What the client began to send."""
        self.handed = Counter()
        """How often the device got a request of this connection, where links are its own."""
        self.ended = []
        """(number, request, outcome) of each finished request."""
        self.sent = []
        """The frames that the session was given."""
        self.lenient = set()
        """Requests handed over while nothing was enforced, by what follows the identifier: so is their answer taken."""
        self._left = b""
        self._lost = False
        self._quirks = frozenset(conduit.quirks)
        self._serial = conduit.downstream == "serial"

    @property
    def is_open(self):
        return not (self.is_told_to_close or self.is_gone)

    def has_sent(self, raw):
        return raw in self.sent

    def note_sent(self, data):
        """Take in what the client sends."""
        stream = self._left + data
        if not self._lost:
            found, left, self._lost = law.frames(stream)
            self.sent += found
            self._left = stream[len(stream) - left :]

    def parsed(self, raw):
        return parse_request(raw[6], raw[7:], self._quirks)

    # Commands.

    def to_device(self, raw, guard, *, same_policy):
        """Hold what goes to the device to the promises."""
        assert raw in self.sent, "the device gets what the client never sent"
        request = self.parsed(raw)
        changes = changes_plant(meaning(request))
        self.handed[raw] += 1
        attempts = self.sent.count(raw) * (1 if changes else 2)
        assert self.handed[raw] <= attempts, "sent to the device more often than asked"
        if guard.acts:
            self.check_lawful(raw, request, guard, same_policy=same_policy)
        else:
            self.lenient.add(raw[6:])

    def check_lawful(self, raw, request, guard, *, same_policy):
        """Hold what goes to the device in mode enforce to the law and to the policy."""
        assert raw[2:4] == b"\0\0", "enforce hands over what is not Modbus"
        assert request.defect is None, f"enforce hands over a malformed request: {request.defect}"
        if same_policy and guard.judge.digest == "tight" and "unit_ignored" not in self._quirks:
            assert is_permitted(meaning(request)), "enforce hands over what no rule permits"
        if same_policy and not guard.judge.digest:
            raise AssertionError("enforce hands something over although nothing is permitted")

    def account(self, rows, answers, guard, handed):
        """Hold the requests that ended in one event to the answers that the client got in it."""
        due = [answer for row in rows for answer in self._due(row, guard, handed)]
        assert len(due) == len(answers), f"{len(answers)} answers for {len(due)} requests that ended"
        for raw, is_right in zip(answers, due, strict=True):
            assert not self.is_told_to_close, "an answer after the connection was closed"
            assert whole(raw), "the client gets what is no frame"
            is_right(raw)

    def _due(self, row, guard, handed):
        """Return a check of the answer that this end of a request owes to the client, if it owes one."""
        number, _, flow, _, _, _, raw, response, _, outcome = row
        assert flow == self.session.flow, "a request of another connection"
        outcome = Outcome(outcome)
        self.ended.append((number, raw, outcome))
        request = self.parsed(raw)
        if outcome in SILENT or self.is_gone:
            assert self.is_gone or outcome is not Outcome.ABANDONED, "abandoned, although the client is there"
            return []
        if outcome in DELIVERED:
            acts = guard.acts

            def is_delivered(answer):
                assert answer == response, "the client gets another answer than the mirror"
                assert handed(self, raw), "an answer to what was never sent"
                self._check_delivery(request, raw, answer, acts=acts)

            return [is_delivered]
        if outcome is not Outcome.REFUSED and not answer_due(request, serial=self._serial):
            return []

        def is_refusal(answer):
            head = raw[:2] + b"\0\0\0\3" + raw[6:7] + bytes((raw[7] | 0x80,))
            assert answer[:-1] == head, "a refusal that does not answer the request"
            assert answer[-1] in CODES[outcome], f"exception {answer[-1]} for {outcome.name}"

        return [is_refusal]

    def _check_delivery(self, request, asked, answer, *, acts):
        assert answer[:2] == asked[:2], "an answer under another identifier"
        assert answer[6] == asked[6] or "unit_not_echoed" in self._quirks, "an answer of another unit"
        assert answer[7] & 0x7F == asked[7] & 0x7F, "an answer to another function"
        if acts and asked[6:] not in self.lenient:
            found = parse_response(request, answer[7:], self._quirks)
            assert found.defect is None, f"the client gets a malformed answer: {found.defect}"

    # Ends.

    def check_end(self, handed, asked):
        """All that was asked has ended, in order of arrival, each once.

        `handed` and `asked` say how often the device got such a request, and how often one was sent.
        """
        self.ended.sort()
        requests = [raw for _, raw, _ in self.ended]
        assert requests == self.sent[: len(requests)], "not the requests that the client sent"
        assert self.is_told_to_close or len(requests) == len(self.sent) or self.session.state.value != "open"
        for _, raw, outcome in self.ended:
            if outcome in NEVER_HANDED_OVER and asked(self, raw) == 1:
                assert not handed(self, raw), f"{outcome.name}, but the device has seen {raw.hex()}"
            assert outcome not in DELIVERED or handed(self, raw), "answered without being asked"

        session = self.session
        assert session.in_flight == 0, "something is still under way"
        assert not session._turns.asked, "an opinion is still waited for"
        assert 0 <= session.refused <= len(self.ended), "refused more than asked"
        assert 0 <= session.writes <= len(self.ended), "more writes than requests"

    def check_bounds(self):
        """No table of the session is over its bound."""
        session = self.session
        assert len(session._turns.waiting) <= MAX_WAITING + session.guard.conduit.max_in_flight, "too many wait"
        assert session._framer.pending <= MAX_PENDING, "a framer holds too much"


def check_guard(guard):
    """No table of the conduit is over its bound, and none holds what is over."""
    assert not guard.caches, "a cache of nobody"
    assert not guard.wakeups, "somebody is woken who is gone"
    assert all(len(cache.reads) <= MAX_CACHED_READS for cache in guard.caches.values()), "a cache grows"
    assert len(guard.folder._folds) <= MAX_FOLDS, "folds grow"
    assert len(guard.tickets._live) <= MAX_TICKETS, "tickets grow"
    assert len(guard.tickets._closed) <= MAX_CLOSED, "closed tickets grow"
    assert len(guard.quarantine.isolations.all()) <= MAX_ISOLATIONS, "isolations grow"
    assert len(guard.quarantine.grave._seen) <= MAX_WATCHED, "watched clients grow"
    assert len(guard.run.recent) <= MAX_RECENT, "recent records grow"
