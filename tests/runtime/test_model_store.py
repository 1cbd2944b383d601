"""Models become trusted, or are refused with one sentence; hostile ones never run."""

import struct

import numpy as np
import pytest
from onnx import TensorProto, helper

from icsguard.config.settings import Conduit, GatewaySettings, Settings, ShadowSettings
from icsguard.detect.triage import CLASSES, FEATURES
from icsguard.inference import manifest as cards
from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.export import export, site_key
from icsguard.learn.fit import fit
from icsguard.policy.rules import Policy
from icsguard.runtime.model_store import MANIFEST, ONNX, SIGNATURE, SITE, ModelStore, run_probe
from icsguard.runtime.places import models_dir


@pytest.fixture(scope="module")
def conduit():
    return Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))


@pytest.fixture(scope="module")
def fitted(conduit):
    return fit(OfflineCell(1).run(40), conduit, horizon_s=12)


@pytest.fixture
def settings(tmp_path, conduit, fitted):
    export(fitted, tmp_path / "models" / "cell", site_key(tmp_path))
    return Settings(
        GatewaySettings(state_dir=str(tmp_path)),
        (conduit,),
        shadow=ShadowSettings(models_dir=str(tmp_path / "models"), horizon_s=12.0),
    )


@pytest.fixture
def folder(settings, tmp_path):
    return tmp_path / "models" / "cell"


def test_what_was_learnt_here_is_loaded_and_probed_once(settings, fitted):
    store = ModelStore()
    models = store.load(settings)
    assert models.refused == {}
    assert models.sites["cell"].model == fitted.model
    assert models.sites["cell"].scorer is not None
    assert models.flow is not None
    assert len(store._passed) == 3


def test_no_model_is_no_fault(settings, folder):
    for one in folder.iterdir():
        one.unlink()
    models = ModelStore().load(settings)
    assert models.sites == {"cell": None}
    assert models.refused == {}


@pytest.mark.parametrize("name", [ONNX, SITE, MANIFEST, SIGNATURE])
def test_one_changed_byte_anywhere_is_refused(settings, folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    models = ModelStore().load(settings)
    assert models.sites["cell"] is None
    assert "icsguard learn cell" in models.refused["cell"]


def test_a_model_signed_by_another_key_is_refused(settings, folder, fitted):
    export(fitted, folder, signature.new_key())
    assert "signature" in ModelStore().load(settings).refused["cell"]


def test_a_missing_file_is_refused_with_its_name(settings, folder):
    (folder / ONNX).unlink()
    assert ONNX in ModelStore().load(settings).refused["cell"]


def test_a_hostile_model_with_a_valid_signature_does_not_pass(settings, folder, tmp_path):
    """Who has the key can still not make the shadow hang: operators are on a list."""
    body = helper.make_graph([], "body", [], [])
    graph = helper.make_graph(
        [helper.make_node("Loop", ["n", "", "row"], ["temporal"], body=body)],
        "g",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, (1, 2))],
        [helper.make_tensor_value_info("temporal", TensorProto.FLOAT, (1, 2))],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    _sign_anew(folder, site_key(tmp_path), data)
    assert "cell" in ModelStore().load(settings).refused


def _sign_anew(folder, key, data):
    import msgspec

    manifest = cards.decode((folder / MANIFEST).read_bytes())
    manifest = msgspec.structs.replace(manifest, files={**manifest.files, ONNX: cards.digest(data)})
    text = cards.encode(manifest)
    for name, content in ((ONNX, data), (MANIFEST, text), (SIGNATURE, signature.sign(key, text))):
        (folder / name).write_bytes(content)


def test_the_shipped_flow_model_is_loaded():
    model = ModelStore().flow(models_dir())
    assert model.score([0.0] * 32)[0] > 0


def test_the_shipped_flow_model_under_another_key_is_refused():
    with pytest.raises(ModelRefusedError) as refused:
        ModelStore().flow(models_dir(), signature.public_key(signature.new_key()))
    assert refused.value.code == "signature"


def test_a_probe_that_does_not_end_is_killed():
    with pytest.raises(ModelRefusedError) as refused:
        run_probe(b"", b"", seconds=0.001)
    assert refused.value.code == "probe-time"


def test_a_probe_of_nonsense_is_refused_with_its_reason():
    with pytest.raises(ModelRefusedError, match="manifest cannot be read"):
        run_probe(b"{}", struct.pack(">Q", 0))


def test_the_shipped_triage_models_pass_and_name_an_alarm():
    triage = ModelStore().triage(models_dir())
    named = triage.name(np.zeros(len(FEATURES)))
    assert named.name in CLASSES
    assert 0.25 <= named.chance <= 1.0
    assert 12 == len(triage.digest)


def test_triage_signed_by_somebody_else_is_refused():
    with pytest.raises(ModelRefusedError):
        ModelStore().triage(models_dir(), signature.public_key(signature.new_key()))
