import pytest

from icsguard.evaluation.bench import prepare
from icsguard.evaluation.clean import Clean
from icsguard.evaluation.commands import CommandTrial
from icsguard.evaluation.conduct import Conduct
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.plant_result import PlantResult
from icsguard.evaluation.tampering import PROMISED
from icsguard.lab.plants.catalog import PLANTS


@pytest.fixture(scope="session")
def bench():
    """A small plant after some hours of learning: enough for a twin, far too little for a guarantee."""
    return prepare(PLANTS["water"], 900, 1)


@pytest.fixture(scope="session")
def recorded_data(captures):
    if not (captures / "loaders.py").is_file():
        pytest.skip("no loaders beside the recorded data")
    return captures


@pytest.fixture
def good_plant():
    """The result of a frozen plant that reaches every goal."""
    clean = Clean(10.0, promised=1.0, expected=0.7, has_guarantee=True)
    clean.findings["implausible"] = 8
    return PlantResult(
        name="boiler",
        frozen=True,
        clean=clean,
        lies={kind: Tally(100, 99) for kind in PROMISED},
        lie_rows=(),
        areas=(),
        first_seen_by={},
        commands=CommandTrial(jumps=Tally(100, 95)),
        conduct=Conduct({"scan by a known client": Tally(20, 20)}, clean_requests=100),
        data_digest="abc",
        trusted_polls=60,
    )
