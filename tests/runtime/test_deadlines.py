"""The timer against sessions that say when they are due, on a loop and a clock that a test turns."""

from types import SimpleNamespace

import pytest

from icsguard.core.clock import MS, SECOND
from icsguard.runtime.deadlines import AT_ONCE, ENDED_AT_ONCE, HEARING, LATE_NS, MAX_TICK_NS, Deadlines

START = 1_000 * SECOND


class Session:
    """A session with one deadline."""

    def __init__(self, flow, due=0, asking=()):
        self.flow, self.due, self.asking = flow, due, set(asking)
        self.looks, self.ended = [], []

    def next_timer(self):
        self.looks.append(self.flow)
        return self.due

    def timer(self, now):
        self.ended.append(now)
        self.due = 0
        self.asking.clear()
        return []

    def asks(self, number):
        return number in self.asking


class World:
    """A listener, its loop and its clock."""

    def __init__(self):
        self.at = START
        self.calls = []
        self.clock, self.loop = SimpleNamespace(now=lambda: self.at), self
        self.ends, self.asked, self.pool, self.wakes, self.rounds = {}, {}, None, 0, []
        self.conduit = SimpleNamespace(device_timeout_ms=1000)
        self.guard = SimpleNamespace(timer=self.rounds.append, wakeups={}, run=SimpleNamespace(records=[]))
        self.outlet = SimpleNamespace(note=lambda: None)
        self.deadlines = Deadlines(self)

    def call_later(self, seconds, do):
        call = SimpleNamespace(at=self.at + round(seconds * 1e9), do=do, cancel=lambda: self.calls.remove(call))
        self.calls.append(call)
        return call

    def wake(self):
        self.wakes += 1

    def add(self, *args, **options):
        session = Session(len(self.ends) + 1, *args, **options)
        end = SimpleNamespace(session=session, run=lambda commands: None)
        self.ends[session.flow] = end
        for number in session.asking:
            self.asked[number] = end
        return session

    def step(self, late=0):
        """Turn the clock to the next call, and do it."""
        call = min(self.calls, key=lambda one: one.at)
        self.at = max(self.at, call.at + late)
        self.calls.remove(call)
        call.do()

    def until(self, at):
        while self.calls and min(one.at for one in self.calls) <= at:
            self.step()
        self.at = at


@pytest.fixture
def world():
    made = World()
    made.deadlines.start()
    return made


def test_everybody_is_looked_at_four_times_a_second(world):
    sessions = [world.add() for _ in range(3)]
    world.until(START + SECOND)
    assert [4, 4, 4] == [len(one.looks) for one in sessions]
    assert 5 == len(world.rounds)


def test_a_short_timeout_of_the_device_has_them_looked_at_more_often(world):
    world.conduit.device_timeout_ms = 100
    session = world.add()
    world.until(START + SECOND)
    assert 14 < len(session.looks) < 21


def test_no_turn_looks_at_more_than_a_few(world):
    sessions = [world.add() for _ in range(5 * AT_ONCE + 3)]
    most = 0
    while not all(one.looks for one in sessions):
        before = sum(len(one.looks) for one in sessions)
        world.step()
        most = max(most, sum(len(one.looks) for one in sessions) - before)
    assert AT_ONCE == most
    assert world.at - START < MAX_TICK_NS + 10 * MS


def test_a_session_that_fails_keeps_nobody_from_being_looked_at(world):
    def fail():
        raise RuntimeError(why)

    why = "a session fails"
    sessions = [world.add() for _ in range(3 * AT_ONCE)]
    sessions[AT_ONCE].next_timer = fail
    with pytest.raises(RuntimeError, match=why):
        world.until(START + MAX_TICK_NS + 10 * MS)
    sessions[AT_ONCE].next_timer = lambda: 0
    world.until(START + SECOND)
    assert all(one.looks for one in sessions if one is not sessions[AT_ONCE])


def test_a_deadline_before_the_next_round_is_kept_to_the_millisecond(world):
    world.until(START + MAX_TICK_NS - MS)
    session = world.add(START + MAX_TICK_NS + 100 * MS)
    world.until(START + 2 * MAX_TICK_NS)
    assert [START + MAX_TICK_NS + 100 * MS] == session.ended


def test_a_deadline_that_is_kept_shortly_before_a_round_does_not_put_the_round_off(world):
    world.add(START + 2 * MAX_TICK_NS - 10 * MS)
    world.until(START + MAX_TICK_NS + MS)
    later = world.add(START + 2 * MAX_TICK_NS + 100 * MS)
    world.until(START + 3 * MAX_TICK_NS)
    assert [START + 2 * MAX_TICK_NS + 100 * MS] == later.ended


def test_a_deadline_that_stays_overdue_is_tried_again_and_does_not_stop_the_loop(world):
    session = world.add(START)
    session.timer = lambda now: session.ended.append(now) or []
    world.until(START + MAX_TICK_NS + 10 * MS)
    assert 1 < len(session.ended) < 20


def test_many_that_are_due_together_end_a_few_at_a_time(world):
    world.until(START + MAX_TICK_NS - MS)
    at = START + MAX_TICK_NS + 100 * MS
    sessions = [world.add(at) for _ in range(3 * ENDED_AT_ONCE)]
    world.until(at)
    assert ENDED_AT_ONCE == sum(len(one.ended) for one in sessions)
    world.until(at + 10 * MS)
    assert [1] * len(sessions) == [len(one.ended) for one in sessions]


def test_a_round_ends_only_a_few_in_one_turn(world):
    sessions = [world.add(START + MS) for _ in range(AT_ONCE)]
    world.until(START + MAX_TICK_NS)
    assert ENDED_AT_ONCE == sum(len(one.ended) for one in sessions)
    world.until(START + MAX_TICK_NS + 5 * MS)
    assert AT_ONCE == sum(len(one.ended) for one in sessions)


def test_a_question_ends_at_its_deadline(world):
    session = world.add(START + 50 * MS, asking=(7,))
    world.deadlines.arm(START + 50 * MS)
    world.until(START + 60 * MS)
    assert ([START + 50 * MS], {}) == (session.ended, world.asked)


def test_only_the_oldest_question_is_looked_at_until_it_is_answered(world):
    sessions = [world.add(START + due * MS, asking=(due,)) for due in (40, 50, 60)]
    world.deadlines.arm(START + 10 * MS)
    world.until(START + 20 * MS)
    assert [True, False, False] == [bool(one.looks) for one in sessions]
    world.until(START + 70 * MS)
    assert [[START + due * MS] for due in (40, 50, 60)] == [one.ended for one in sessions]


def test_who_asked_and_is_gone_is_forgotten(world):
    world.add(START + 40 * MS, asking=(7,)).asking.clear()
    world.ends[1].session, other = None, world.add(START + 50 * MS, asking=(8,))
    world.deadlines.arm(START + 10 * MS)
    world.until(START + 20 * MS)
    assert [8] == list(world.asked)
    assert other.looks


def test_a_device_that_is_overdue_does_not_end_a_question_on_the_same_session(world):
    session = world.add(START + 5 * MS, asking=(7,))

    def timer(now):
        session.ended.append(now)
        session.due = START + 80 * MS
        return []

    session.timer = timer
    world.deadlines.arm(START + 10 * MS)
    world.until(START + 20 * MS)
    assert [7] == list(world.asked)
    world.until(START + 80 * MS)
    assert [START + 10 * MS, START + 80 * MS] == session.ended


def test_a_timer_that_had_no_processor_lets_the_sockets_speak_first(world):
    session = world.add(START + 20 * MS, asking=(7,))
    world.deadlines.arm(START + 20 * MS)
    world.step(late=LATE_NS + MS)
    for _ in range(HEARING - 1):
        assert [] == session.ended
        world.step()
    world.step()
    assert 1 == len(session.ended)


def test_a_round_that_had_no_processor_lets_the_sockets_speak_first(world):
    sessions = [world.add(START + SECOND) for _ in range(2 * AT_ONCE)]
    world.until(START + MAX_TICK_NS)
    assert AT_ONCE == sum(len(one.looks) for one in sessions)
    for one in sessions:
        one.due = START
    world.step(late=SECOND)
    assert not any(one.ended for one in sessions)
    for _ in range(HEARING):
        world.step()
        assert not any(one.ended for one in sessions)
    while world.at < START + 2 * SECOND:
        world.step()
    assert all(one.ended for one in sessions)


def test_a_pool_and_wakeups_have_their_turn(world):
    timed = []
    world.pool, world.guard.wakeups = SimpleNamespace(timer=timed.append), {1: object()}
    world.deadlines.arm(START + 5 * MS)
    world.step()
    assert ([START + 5 * MS], 1) == (timed, world.wakes)


def test_after_the_stop_no_time_is_kept(world):
    for _ in range(2 * AT_ONCE):
        world.add()
    world.until(START + MAX_TICK_NS)
    world.deadlines.stop()
    assert [] == world.calls
    world.deadlines.arm(START)
    assert [] == world.calls
