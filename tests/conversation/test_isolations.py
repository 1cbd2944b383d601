from icsguard.conversation.isolations import MAX_ISOLATIONS, MAX_WATCHED, WINDOW_NS, GraveEvents, Isolations, next_scope
from icsguard.core.isolation import Isolation, Scope


def cut(client="10.0.0.1", until=100, scope=Scope.WRITES):
    return Isolation(client, "plc1", scope, "why", "anna", 0, until)


def test_an_isolation_ends_by_its_timer():
    isolations = Isolations([cut(until=100)])
    assert [] == isolations.expire(99)
    assert ["10.0.0.1"] == [one.client for one in isolations.expire(100)]
    assert not isolations


def test_a_permanent_one_never_ends_by_itself():
    isolations = Isolations([cut(until=0)])
    assert [] == isolations.expire(10**30)
    assert isolations.release("10.0.0.1")


def test_a_full_table_gives_up_the_one_that_would_end_first():
    isolations = Isolations([cut(f"c{n}", until=n + 1) for n in range(MAX_ISOLATIONS)])
    isolations.put(cut("new", until=0))
    assert isolations.get("c0") is None
    assert isolations.get("new")
    assert MAX_ISOLATIONS == len(isolations.all())


def test_the_threshold_is_reached_within_a_minute_only():
    grave = GraveEvents(3)
    assert [False, False, True] == [grave.reached("c", now) for now in (0, 1, 2)]
    assert [False, False, False] == [grave.reached("d", now) for now in (0, 1, WINDOW_NS + 1)]


def test_after_the_threshold_counting_begins_anew():
    grave = GraveEvents(2)
    assert [False, True, False, True] == [grave.reached("c", now) for now in range(4)]


def test_watched_clients_are_bounded():
    grave = GraveEvents(3)
    for number in range(2 * MAX_WATCHED):
        grave.reached(f"c{number}", number)
    assert MAX_WATCHED == len(grave._seen)


def test_writes_are_cut_first():
    assert Scope.WRITES is next_scope(None)
    assert Scope.FULL is next_scope(cut())
