import time

from icsguard.runtime.clock import Clock


def test_the_clock_reads_as_a_date_and_never_goes_back():
    clock = Clock()
    readings = [clock.now() for _ in range(1000)]
    assert readings == sorted(readings)
    assert abs(time.clock_gettime_ns(time.CLOCK_REALTIME) - readings[-1]) < 10**9


def test_two_clocks_of_one_anchor_agree():
    clock = Clock()
    assert abs(Clock(clock.anchor).now() - clock.now()) < 10**8


def test_the_shift_leads_to_the_wall_clock():
    clock = Clock(anchor=0)
    wall = clock.now() + clock.wall_shift()
    assert abs(time.clock_gettime_ns(time.CLOCK_REALTIME) - wall) < 10**8
