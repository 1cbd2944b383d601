import pytest

from icsguard.evaluation.bench import prepare
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
