import pytest

from icsguard.evaluation import disturbances
from icsguard.evaluation.disturbances import KINDS, SECOND_READER, read_again


@pytest.fixture(scope="module")
def found(bench):
    return disturbances.measure(bench, 2)


def test_every_kind_is_tried_as_often_as_said(found):
    assert dict.fromkeys(KINDS, 2) == {kind: tally.count for kind, tally in found.items()}


@pytest.mark.parametrize("kind", ["changed echo", "answers withheld", "polls stopped", "answers delayed", "flood"])
def test_what_exact_checks_see_is_always_found(found, kind):
    assert 2 == found[kind].hits


def test_the_second_reader_sees_what_the_poll_showed_but_for_the_lie(bench):
    site = bench.site(9)
    polled = next(one for one in site.poll() if one.request[7] == 4)
    (honest,) = read_again(site)
    assert SECOND_READER == honest.client
    assert polled.response[7:] == honest.response[7:]
    (lying,) = read_again(site, ("level_1", 0.5))
    words = [int.from_bytes(one.response[9:11], "big") for one in (honest, lying)]
    assert 500 == words[1] - words[0]
