"""Dialogues in which each client has a device connection of its own."""

from time import thread_time_ns

from cast import Line
from dialogue import Dialogue

from icsguard.conversation.api import Ask, CloseClient, CloseLink, OpenLink, ToClient, ToDevice
from icsguard.conversation.link import MAX_ENDED
from icsguard.conversation.session import Session
from icsguard.protocols.modbus.mbap import MAX_PENDING


class OwnLinks(Dialogue):
    """The shell of sessions with links of their own."""

    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        self._lines = {}
        """Line and its connection, by flow."""

    def lines(self):
        """Return all device connections."""
        return [line for line, _ in self._lines.values()]

    def _watch_of(self, line):
        return next(watch for known, watch in self._lines.values() if known is line)

    def new_session(self, client, flow):
        """Return a new connection's session."""
        return Session(self.guard, client, flow, self.now)

    def connect(self):
        """Bring a client, with a line that is down."""
        watch = super().connect()
        self._lines[watch.session.flow] = (Line(), watch)
        return watch

    def is_at_rest(self):
        """Say whether no session is left."""
        return not self.guard.sessions

    def handed(self, watch, raw):
        """Return how often the device got a request of that connection."""
        return watch.handed[raw]

    def asked(self, watch, raw):
        """Return how often that connection sent a request."""
        return watch.sent.count(raw)

    # Bytes.

    def from_client(self, watch, data):
        """Return what comes of bytes from the client."""
        if self.chopping is None and watch.session.request_passes(data, self.now):
            return [ToDevice(data)]
        return watch.session.client_bytes(data, self.now)

    def from_device(self, line, pieces):
        """Take what the device sent."""
        watch, began, commands = self._watch_of(line), thread_time_ns(), []
        for data in pieces:
            if self.chopping is None and watch.session.response_passes(data, self.now):
                commands.append(ToClient(data))
            else:
                commands += watch.session.link_bytes(data, self.now)
        self.longest_ns = max(self.longest_ns, thread_time_ns() - began)
        self.carry_out(watch, commands)

    def open(self, line, *, works):
        """End the attempt to connect."""
        watch = self._watch_of(line)
        line.state = "up" if works else "down"
        session = watch.session
        self.carry_out(watch, session.link_up(self.now) if works else session.link_failed("refused", self.now))

    def line_lost(self, line):
        """Tell the session that its line broke."""
        watch = self._watch_of(line)
        self.carry_out(watch, watch.session.link_lost("reset", self.now))

    def stray_from_device(self, watch):
        """Bring what a link says that is not there."""
        line, session, now = self._lines[watch.session.flow][0], watch.session, self.now
        for states, event in (
            (("down", "up"), lambda: session.link_failed("late", now)),
            (("down", "up"), lambda: session.link_up(now)),
            (("down", "opening"), lambda: session.link_bytes(b"\0", now)),
            (("down", "opening"), lambda: session.link_lost("late", now)),
        ):
            if line.state in states:
                self.carry_out(watch, event())

    # Commands.

    def carry_out(self, watch, commands):
        """Do what a session says, and hold it to its promises."""
        line, _ = self._lines[watch.session.flow]
        rows, self.guard.run.mirror = self.guard.run.mirror, []
        answers = [command.data for command in commands if type(command) is ToClient]
        for command in commands:
            if type(command) is not ToClient:
                self._do(watch, line, command)
        watch.account(rows, answers, self.guard, self.handed)
        watch.is_told_to_close |= any(type(command) is CloseClient for command in commands)
        watch.check_bounds()
        _check_link(watch.session)
        others = [command for command in commands if type(command) is not ToClient]
        self.said.append((watch.session.flow, others, sorted(answers), sorted((row[0], *row[6:]) for row in rows)))
        self.wake()
        self.prompt(line)

    def _do(self, watch, line, command):
        match command:
            case ToDevice(raw):
                assert line.state == "up", "sent to a device that is not connected"
                watch.to_device(raw, self.guard, same_policy=self.same_policy)
                line.owed.append(raw)
            case OpenLink():
                assert line.state == "down", "opens a link that is there"
                line.state = "opening"
            case CloseLink():
                assert line.state != "down", "closes a link that is not there"
                line.hang_up()
            case CloseClient():
                assert watch.is_open or watch.is_gone, "closes the client twice"
            case Ask(question):
                assert watch.has_sent(question.request), "asks about what the client never sent"
                self.questions.append((watch, question))

    def check_end(self):
        """Nothing is left, and no link."""
        super().check_end()
        assert all(line.state == "down" for line in self.lines()), "a link was left open"


def _check_link(session):
    link = session.link
    assert len(link.hot) + len(link.busy) <= session.guard.conduit.max_in_flight, "too many in flight"
    assert len(link._ended) <= MAX_ENDED, "the link's memory grows"
    assert link._framer.pending <= MAX_PENDING, "a framer holds too much"
