from icsguard.core.clock import SECOND
from icsguard.policy.memory import SETTLE_NS, Memory
from icsguard.policy.nodes.memory import NodeMemory

NODES = {"n": "speed"}
AGE = 60 * SECOND


def memory():
    return NodeMemory(dict(NODES), ())


def test_only_declared_nodes_are_remembered():
    found = memory()
    found.seen("n", 5.0, 1)
    found.seen("other", 5.0, 1)
    assert ([5.0], []) == (found.present("speed", AGE, 2), found.present("other", AGE, 2))
    assert 1 == len(found._known)


def test_an_old_value_is_unknown_and_a_bad_one_too():
    found = memory()
    found.seen("n", 5.0, 1)
    assert [] == found.present("speed", AGE, 2 + AGE)
    found.seen("n", 5.0, 2)
    found.seen("n", None, 3)
    assert [] == found.present("speed", AGE, 3)


def test_while_a_write_is_on_its_way_both_values_count():
    found = memory()
    found.seen("n", 5.0, 1)
    found.written("speed", 7.0, 2)
    assert [5.0, 7.0] == found.present("speed", AGE, 3)
    found.seen("n", 5.0, 3)  # may be older than the write
    assert [5.0, 7.0] == found.present("speed", AGE, 3)
    found.seen("n", 7.0, 4)
    assert [7.0] == found.present("speed", AGE, 4)


def test_after_a_while_what_the_server_says_counts_alone():
    found = memory()
    found.seen("n", 5.0, 1)
    found.written("speed", 7.0, 2)
    found.seen("n", 5.0, 2 + SETTLE_NS)
    assert [5.0] == found.present("speed", AGE, 3 + SETTLE_NS)


def test_two_writes_at_once_and_lost_ones_make_the_value_unknown():
    for lose in (lambda m: m.written("speed", 8.0, 3), lambda m: m.unknown("n"), lambda m: m.written("speed", None, 3)):
        found = memory()
        found.seen("n", 5.0, 1)
        found.written("speed", 7.0, 2)
        lose(found)
        assert [] == found.present("speed", AGE, 3)


def test_a_refused_write_leaves_the_former_value():
    found = memory()
    found.seen("n", 5.0, 1)
    found.written("speed", 7.0, 2)
    found.rejected("n")
    assert [5.0] == found.present("speed", AGE, 3)


def test_another_policy_keeps_what_it_still_means():
    found = memory()
    found.seen("n", 5.0, 1)
    found.adopt({"n": "speed", "m": "level"}, ())
    assert [5.0] == found.present("speed", AGE, 2)
    found.adopt({"m": "speed"}, ())
    assert [] == found.present("speed", AGE, 2)


def test_a_restart_of_the_device_forgets_everything():
    found = memory()
    found.seen("n", 5.0, 1)
    found.forget()
    assert [] == found.present("speed", AGE, 2)


def test_clock_and_counters_are_those_of_the_plain_memory_beside():
    beside = Memory()
    found = NodeMemory({}, (), beside)
    beside.wall_shift, beside.version = 7, 3
    assert (7, 3) == (found.wall_shift, found.version)
    found.wall_shift = 9
    assert 9 == beside.wall_shift


def test_who_feeds_it_can_ask_what_it_is_for():
    found = memory()
    assert (True, False) == (found.has_points, NodeMemory({}, ()).has_points)
    assert (True, False) == (found.watches("n"), found.watches("other"))
