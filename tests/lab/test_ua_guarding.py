import pytest

from icsguard.config.load import load
from icsguard.config.settings import Settings
from icsguard.core.decision import Mode
from icsguard.lab.guarding import CONDUIT
from icsguard.lab.ua_cell import NODES
from icsguard.lab.ua_guarding import UaGuarding
from icsguard.lab.ua_keys import make_keys
from icsguard.runtime import pki_store


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name in ("server", "gateway", "hmi", "rogue"):
        make_keys(folder, name)
    return folder


@pytest.fixture
def guarding(tmp_path, keys):
    return UaGuarding(tmp_path, 4840, keys)


def test_its_configuration_loads_and_knows_every_node(guarding):
    files = {path.name: path.read_text() for path in guarding.folder.iterdir() if path.is_file()}
    settings = load(files, "icsguard.toml")
    assert isinstance(settings, Settings), settings
    conduit = settings.conduit(CONDUIT)
    assert ("opcua", Mode.ENFORCE, "terminate") == (conduit.protocol, conduit.mode, conduit.opcua.way)
    assert {node.node for node in NODES} == {point.node for point in conduit.policy.opcua.points}
    assert ["look", "operate", "lamps"] == [rule.id for rule in conduit.policy.opcua.rules]


def test_it_trusts_operators_and_server_and_nobody_else(guarding, keys):
    trust, wall = pki_store.load(guarding.pki), pki_store.own(guarding.pki, "gateway").leaf.not_before + 1
    wall += 2 * 86_400 * 10**9
    assert None is trust.client((keys / "hmi.der").read_bytes(), "urn:example:hmi", wall)
    assert None is trust.server((keys / "server.der").read_bytes(), wall)
    assert None is not trust.client((keys / "rogue.der").read_bytes(), "urn:example:rogue", wall)
