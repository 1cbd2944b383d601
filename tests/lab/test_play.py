import pytest

from icsguard.lab.play import Lengths, play
from icsguard.lab.telling import Teller


@pytest.mark.slow
@pytest.mark.timeout(280)
async def test_the_whole_demo_ends_as_it_should(console):
    outcome = await play(11, Lengths(learn_s=60.0, observe_s=5.0), Teller(console))
    assert outcome.broken == ()
    assert len(outcome.guarded) == len(outcome.bare) >= 12
    assert outcome.explanation
    assert outcome.hurt == 0
