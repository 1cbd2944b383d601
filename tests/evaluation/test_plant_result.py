import pytest

from icsguard.evaluation.clean import Clean
from icsguard.evaluation.commands import CommandTrial
from icsguard.evaluation.conduct import Conduct
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.plant_result import PlantResult


@pytest.fixture
def one():
    tried = CommandTrial(jumps=Tally(4, 3), harmless=10, harmless_held=2)
    played = Conduct({"scan by a known client": Tally(20, 19)}, clean_requests=1_000, clean_refused=1)
    return PlantResult(
        name="water",
        frozen=True,
        clean=Clean(1.0),
        lies={},
        lie_rows=(),
        areas=(),
        first_seen_by={},
        commands=tried,
        conduct=played,
        data_digest="abc",
        trusted_polls=60,
    )


def test_commands_tell_what_was_stopped_and_the_price(one):
    rows = one.command_rows()
    assert 3 == rows[0]["stopped"]
    assert "2 of 10" in rows[0]["price"]
    assert 4 == len(rows)


def test_a_missed_request_is_told(one):
    (row,) = one.conduct_rows()
    assert (1, "1") == (row["missed"], row["row"])


def test_false_refusals_have_an_upper_bound(one):
    assert 0.001 < one.refusal_row()["share, 95 % at most"] < 0.01
