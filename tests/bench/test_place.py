"""Places: the data path alone on its core, and honesty where that cannot be."""

from bench.place import Place


def test_real_time_on_a_core_of_its_own_is_steady():
    place = Place(0, 1, realtime=True)
    assert place.is_steady
    assert ["taskset", "-c", "0", "chrt", "-f", "5"] == place.data
    assert ["taskset", "-c", "0", "chrt", "-R", "-f", "5"] == place.gateway, "what it forks is ordinary again"
    assert ["taskset", "-c", "1"] == place.side
    assert "ordinary priority" in place.words()


def test_on_a_machine_that_others_use_the_side_is_lifted_and_it_is_said():
    place = Place(0, 1, realtime=True, side_realtime=True)
    assert ["taskset", "-c", "1", "chrt", "-f", "3"] == place.side
    assert "core 1 (SCHED_FIFO 3)" in place.words()
    assert ["taskset", "-c", "1"] == Place(0, 1, realtime=False, side_realtime=True).side


def test_otherwise_it_is_said():
    assert "not steady (no real-time rights)" in Place(0, 1, realtime=False).words()
    assert "not steady (one core only)" in Place(0, 0, realtime=True).words()
    assert ["taskset", "-c", "0"] == Place(0, 1, realtime=False).data
