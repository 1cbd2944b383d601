"""The short form of the fault cases: one guard is started and kept while cases share it."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="module")
def stages():
    """Give each case its stage; the kit imports icsguard's shadow side, so it is loaded when a case runs."""
    from faultkit.guards import Icsguard
    from faultkit.stage import Stages

    made = Stages(Icsguard)
    yield made
    made.close()
