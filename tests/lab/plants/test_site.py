import pytest

from icsguard.core.transaction import Outcome
from icsguard.lab.plants.api import POLL_S
from icsguard.lab.plants.catalog import PLANTS
from icsguard.lab.plants.site import CLIENT, START, PlantSite
from icsguard.protocols.modbus import build
from icsguard.twin.image import Image
from icsguard.twin.traffic import event


@pytest.fixture
def site():
    return PlantSite(PLANTS["water"], 7)


def test_one_seed_gives_one_recording(site):
    other = PlantSite(PLANTS["water"], 7)
    assert [site.poll() for _ in range(5)] == [other.poll() for _ in range(5)]


def test_a_poll_asks_for_every_point(site):
    image = Image(site.plant.points)
    for one in site.poll():
        for seen in event(one).reads:
            image.read(1, seen.table, seen.first, seen.values, asked=one.request_at, now=one.response_at)
    shown = {point.name: cell.value for point, cell in zip(image.points, image.cells, strict=True)}
    assert pytest.approx(site.shown) == shown


def test_polls_are_a_period_apart(site):
    first, second = site.poll()[0].request_at, site.poll()[0].request_at
    assert START == first
    assert POLL_S * 1e9 == second - first


def test_values_are_rounded_to_their_registers(site):
    site.poll()
    assert 0 == pytest.approx(site.shown["level_1"] / 0.001 % 1, abs=1e-6) or 1 == pytest.approx(
        site.shown["level_1"] / 0.001 % 1, abs=1e-6
    )


def test_a_write_is_acknowledged_and_acts(site):
    one = site.write("setpoint_1", 2.25)
    assert Outcome.ANSWERED == one.outcome
    assert 2.25 == site.told["setpoint_1"]
    assert one.request[7:] == one.response[7:]
    assert CLIENT == one.client


def test_a_lost_write_is_acknowledged_and_does_not_act(site):
    one = site.write("setpoint_1", 2.25, lost=True)
    assert Outcome.ANSWERED == one.outcome
    assert 2.0 == site.told["setpoint_1"]


def test_a_tamper_changes_what_is_said_and_not_what_is(site):
    before = site.branch()
    site.poll(lambda tag, value: 3.9 if tag.name == "level_2" else value)
    before.poll()
    assert 3.9 == pytest.approx(site.shown["level_2"])
    assert before.state == site.state


def test_a_branch_is_independent_and_has_the_same_future(site):
    other = site.branch()
    futures = [[one.poll() for _ in range(3)] for one in (site, other)]
    assert futures[0] == futures[1]
    other.write("pump_1", 0)
    assert 1.0 == site.told["pump_1"]


def test_a_question_holds_the_request_that_would_be_sent(site):
    question = site.question("pump_1", 0, client="10.0.0.66")
    assert build.write_coil(2, on=False) == question.request[7:]
    assert "10.0.0.66" == question.client


def test_any_request_of_any_client_can_be_made(site):
    one = site.request(build.read(3, 0, 1), client="10.0.0.66", outcome=Outcome.TIMED_OUT)
    assert (b"", 0, Outcome.TIMED_OUT) == (one.response, one.response_at, one.outcome)
