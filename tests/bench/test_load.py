"""The load generator: right answers are counted, and not one wrong answer gets past it."""

import itertools
import subprocess
import time

import pytest

from bench.load import Load, LoadFailedError, begin, finish, run
from bench.trained import image_value, polls

QUICK = {"seconds": 0.3, "warm_up": 0.1}


@pytest.fixture
def loaded(programs):
    def loaded(port, **options):
        return run(programs / "load", Load(**{**QUICK, **options}), port)

    return loaded


def answering(change=lambda adu, _request: adu):
    """Return a server's answers from the known image, changed by `change`."""

    def answer(adu):
        first, count = int.from_bytes(adu[8:10]), int.from_bytes(adu[10:12])
        words = b"".join(image_value(first + index).to_bytes(2) for index in range(count))
        pdu = bytes([3, 2 * count]) + words
        return change(adu[:4] + (len(pdu) + 1).to_bytes(2) + adu[6:7] + pdu, adu)

    return answer


def every(number, change):
    """Return a change that happens to each `number`-th answer only."""
    counter = itertools.count(1)
    return lambda adu, request: change(adu, request) if next(counter) % number == 0 else adu


@pytest.mark.parametrize("depth", [1, 8])
@pytest.mark.parametrize("poll_set", [64, 0])
def test_an_honest_device_gives_no_error(depth, poll_set, plc, loaded):
    result = loaded(plc.port, connections=8, depth=depth, poll_set=poll_set)
    assert 0 == result.errors.total
    assert result.completed == result.reads.count + result.writes.count > 500
    assert 0.05 < result.writes.count / result.completed < 0.2
    assert result.completed == pytest.approx(result.per_second * 0.3, rel=1e-4)  # the rate is printed rounded


def test_the_same_seed_asks_the_same(programs, plc):
    counts = []
    for _ in range(2):
        before = plc.arrived()
        load = Load(connections=2, rate=200.0, depth=8, seed=5, **QUICK)
        run(programs / "load", load, plc.port)
        after = plc.arrived()
        counts.append({key: after.functions[key] - before.functions.get(key, 0) for key in after.functions})
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda adu, _: adu[:-1] + bytes([adu[-1] ^ 1]), "wrong"),
        (lambda adu, _: adu[:6] + b"\x02" + adu[7:], "wrong"),
        (lambda adu, _: adu[:7] + b"\x04" + adu[8:], "wrong"),
        (lambda adu, _: adu[:2] + b"\x00\x01" + adu[4:], "wrong"),
        (lambda adu, _: adu[:5] + bytes([adu[5] - 2]) + adu[6:8] + bytes([adu[8] - 2]) + adu[9:-2], "wrong"),
        (lambda adu, _: adu[:5] + b"\x03" + adu[6:7] + b"\x83\x02", "exception"),
        (lambda adu, _: bytes([adu[0] ^ 0x80]) + adu[1:], "unsolicited"),
        (lambda adu, _: adu + adu, "unsolicited"),
        (lambda _adu, _: None, "reset"),
        (lambda _adu, _: b"", "timed_out"),
    ],
    ids=["register", "unit", "function", "protocol", "count", "exception", "transaction", "twice", "close", "silence"],
)
def test_one_bad_answer_in_fifty_is_found(change, kind, fake_server, loaded):
    port = fake_server(answering(every(50, change)))
    result = loaded(port, connections=1, writes=0.0, timeout_ms=100)
    assert getattr(result.errors, kind) > 0
    assert result.errors.total > 0
    assert result.told


def test_an_error_is_an_exit_status(programs, plc):
    command = [str(programs / "load"), "--port", str(plc.port), "--seconds", "0.1", "--warm-up", "0"]
    assert 0 == subprocess.run(command, capture_output=True, check=False).returncode
    plc.hang()
    command += ["--timeout-ms", "100"]
    assert 1 == subprocess.run(command, capture_output=True, check=False).returncode
    plc.resume()


def test_wrong_options_are_refused(programs):
    for words in ([], ["--port", "0"], ["--port", "1", "--depth", "9"], ["--port", "1", "--writes", "1.5"]):
        done = subprocess.run([str(programs / "load"), *words], capture_output=True, check=False)
        assert 2 == done.returncode
        assert done.stderr


def test_a_generator_that_cannot_run_is_an_exception(programs):
    with pytest.raises(LoadFailedError):
        run(programs / "load", Load(connections=0), 1)


def test_forbidden_requests_are_followed_to_the_device(plc, loaded):
    result = loaded(plc.port, connections=4, forbidden=0.2)
    fate = result.forbidden
    assert 0 == result.errors.total
    assert fate.sent == fate.passed + fate.exception > 50
    assert (0, 0) == (fate.reset, fate.silent)
    assert fate.sent == plc.arrived().forbidden


def test_a_forbidden_request_that_is_dropped_is_silent_not_an_error(fake_server, loaded):
    honest = answering()
    port = fake_server(lambda adu: honest(adu) if adu[7] == 3 else b"")
    result = loaded(port, connections=2, forbidden=0.1, writes=0.0, timeout_ms=50, seconds=0.6)
    assert result.forbidden.silent > 0
    assert 0 == result.errors.total


def test_a_delay_is_measured_as_what_it_is(programs, tmp_path):
    from bench.device import device
    from bench.process import free_port

    with device(programs, free_port(), tmp_path / "log", delay_us=5000) as late:
        result = run(programs / "load", Load(connections=4, **QUICK), late.port)
    assert 5000 <= result.reads.p50 < 20_000


def test_the_open_loop_sees_a_stall_as_everyone_would_have(programs, plc):
    load = Load(connections=10, rate=20.0, depth=8, seconds=1.0, warm_up=0.1)
    process = begin(programs / "load", load, plc.port)
    time.sleep(0.4)
    plc.hang()
    time.sleep(0.3)
    plc.resume()
    result = finish(process, load)
    assert 0 == result.errors.total
    assert 150_000 < result.reads.max < 900_000
    assert 190 <= result.completed <= 210
    assert result.reads.p90 > 100_000, "a third of all that were planned waited, not one request per connection"


def test_a_storm_is_served_once_each(plc, loaded):
    result = loaded(plc.port, connections=300, storm=True)
    assert (300, 0) == (result.reads.count, result.errors.total)


def test_cost_is_counted_for_the_watched(programs, plc):
    result = run(programs / "load", Load(connections=4, **QUICK), plc.port, watch={"own": (plc.process.pid,)})
    assert 0 < result.cpu_us("own") < 1000
    assert 0.5 < result.rss_mb("own") < 200
    assert None is result.cpu_us("nobody")


def test_the_poll_set_is_known_outside(programs):
    found = polls(programs)
    assert 64 == len(found)
    assert all(10 <= count <= 100 and first + count <= 9900 for first, count in found)
