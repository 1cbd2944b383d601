import pytest

from icsguard.lab.telling import Teller
from icsguard.lab.ua_play import play


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_whole_demo_over_opcua_ends_as_it_should(console):
    outcome = await play(11, 5.0, Teller(console))
    assert () == outcome.broken
    assert 8 == len(outcome.guarded) == len(outcome.bare)
    assert 0 == outcome.hurt
    assert any("interlock_bypass" in line for line in outcome.explanation)
