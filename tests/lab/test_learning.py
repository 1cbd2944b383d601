import pytest

from icsguard.lab.guarding import GuardError, Guarding
from icsguard.lab.learning import Proposed, icsguard, learn


@pytest.fixture
def guarding(tmp_path):
    return Guarding(tmp_path, device_port=1502)


async def test_the_operator_s_command_line_is_run_and_its_output_returned(guarding):
    assert b'"' in await icsguard(guarding, "config", "check", "--json")


async def test_a_command_that_fails_says_why(guarding):
    with pytest.raises(GuardError, match=r"icsguard learn: no traffic of cell was recorded yet: .*; try: "):
        await icsguard(guarding, "learn", "cell", "--json")


async def test_learning_without_any_traffic_is_an_error_with_its_reason(guarding, monkeypatch):
    monkeypatch.setattr("icsguard.lab.learning.FLUSH_S", 0.0)
    told = []
    with pytest.raises(GuardError, match="journal"):
        await learn(guarding, lambda share, text: told.append((share, text)))
    assert [share for share, _text in told] == [0.1, 0.3]


def test_what_a_proposal_holds_is_counted():
    proposed = Proposed({"rules": [1, 2], "review": []})
    assert (proposed.count("rules"), proposed.count("review"), proposed.count("groups")) == (2, 0, 0)
