import pytest

from icsguard.config.settings import Conduit
from icsguard.core.transaction import Question
from icsguard.detect.options import ConduitOptions, ShadowOptions
from icsguard.detect.shadow import Shadow
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.fit import fit
from icsguard.policy.rules import Policy
from icsguard.protocols.modbus import build
from icsguard.twin.scoring import predict
from icsguard.twin.site_model import Site


class NumpyScorer:
    """The reference form of the ONNX model: same matrices, no runtime."""

    digest = "numpy0000000"

    def __init__(self, parts):
        self.parts = parts

    def score(self, *inputs):
        return predict(self.parts, *(one[None] for one in inputs))


@pytest.fixture(scope="session")
def points():
    return cell_points()


@pytest.fixture(scope="session")
def fitted(points):
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=points))
    return fit(OfflineCell(1).run(75), conduit, horizon_s=12)


@pytest.fixture(scope="session")
def site(fitted):
    return Site(fitted.model, NumpyScorer(fitted.matrices), "abc123")


@pytest.fixture
def options(points):
    return ShadowOptions((ConduitOptions("cell", points),), horizon_s=12.0)


class Watched:
    """A cell whose traffic a shadow follows."""

    def __init__(self, shadow, seed=7):
        self.shadow, self.cell = shadow, OfflineCell(seed)
        self.findings, self.isolations = [], []

    def run(self, seconds, *script):
        self.see(self.cell.run(seconds, *(script or (None,))))

    def see(self, transactions):
        for one in transactions:
            self.shadow.observe([one], one.request_at)
            findings, isolations = self.shadow.tick(one.response_at or one.request_at)
            self.findings += findings
            self.isolations += isolations

    def ask(self, pdu, client="127.0.1.1"):
        question = Question(1, "cell", 1, client, self.cell.now, build.adu(1, 1, pdu))
        return self.shadow.ask(question, self.cell.now)

    def codes(self):
        return {one.code for one in self.findings}


@pytest.fixture
def follow():
    """Return what lets a shadow follow a cell of its own."""
    return Watched


@pytest.fixture
def watched(options, site):
    return Watched(Shadow(options, {"cell": site}, None))


@pytest.fixture
def unlearnt(options):
    return Watched(Shadow(options, {}, None))
