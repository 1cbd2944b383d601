"""Places: the data path alone on its core, and honesty where that cannot be."""

from bench.place import Place


def test_real_time_on_a_core_of_its_own_is_steady():
    place = Place(0, 1, realtime=True)
    assert place.is_steady
    assert ["taskset", "-c", "0", "chrt", "-f", "5"] == place.data
    assert ["taskset", "-c", "0", "chrt", "-R", "-f", "5"] == place.gateway, "what it forks is ordinary again"
    assert ["taskset", "-c", "1"] == place.side
    assert "SCHED_FIFO" in place.words()


def test_otherwise_it_is_said():
    assert "not steady (no real-time rights)" in Place(0, 1, realtime=False).words()
    assert "not steady (one core only)" in Place(0, 0, realtime=True).words()
    assert ["taskset", "-c", "0"] == Place(0, 1, realtime=False).data
