from dataclasses import replace
from math import inf

import pytest

from icsguard.detect.limits import Limit
from icsguard.evaluation.clean import Clean
from icsguard.evaluation.commands import CommandTrial
from icsguard.evaluation.conduct import Conduct
from icsguard.evaluation.cost import Cost
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
        disturbances={"flood": Tally(5, 4)},
        limits=(Limit("level", 0.5, inf, 10.0, 12),),
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


def test_somebody_on_the_path_has_a_row_of_the_attack_table(one):
    (row,) = one.disturbance_rows()
    assert ("flood", "12", 5, 4) == (row["disturbance"], row["row"], row["attacks"], row["found"])


def test_limits_are_shares_of_the_span_and_none_where_nothing_is_found(one):
    (row,) = one.limit_rows()
    assert (0.05, None, 12) == (
        row["sudden, share of span"],
        row["creeping, share of span"],
        row["frozen after, polls"],
    )


def test_the_cost_has_a_row_of_its_own(one):
    assert 42.0 == replace(one, cost=Cost(9, 42.0, 3, 99.0)).cost_row()["us CPU a transaction"]
