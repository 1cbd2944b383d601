import stat

import numpy as np
import onnx
import pytest

from icsguard.config.settings import Conduit
from icsguard.inference.gate import admit
from icsguard.inference.onnx import OnnxScorer
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.learn.export import export, manifest_of, onnx_bytes, site_key
from icsguard.learn.fit import fit
from icsguard.policy.rules import Policy
from icsguard.runtime.model_store import ONNX, SITE
from icsguard.twin import site_model
from icsguard.twin.scoring import predict


@pytest.fixture(scope="module")
def fitted():
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))
    return fit(OfflineCell(1).run(40), conduit, horizon_s=12)


def test_onnxruntime_and_numpy_agree(fitted):
    data = onnx_bytes(fitted.matrices)
    manifest = manifest_of(fitted, {ONNX: data, SITE: site_model.encode(fitted.model)})
    scorer = OnnxScorer(admit(ONNX, data, manifest))
    noise = np.random.default_rng(1)
    bits = [i for i, one in enumerate(fitted.model.columns) if one.scale == 1.0 and one.mean == 0.0]
    for _ in range(50):
        inputs = [noise.normal(size=len(fitted.model.columns)) for _ in range(3)]
        for one in inputs:
            one[bits] = noise.integers(0, 2, len(bits))
        for seen, expected in zip(
            scorer.score(*inputs), predict(fitted.matrices, *(i[None] for i in inputs)), strict=True
        ):
            np.testing.assert_allclose(expected, seen, atol=2e-5)


def test_the_file_passes_the_checker_of_the_onnx_package(fitted):
    onnx.checker.check_model(onnx.load_from_string(onnx_bytes(fitted.matrices)), full_check=True)


def test_the_same_fit_gives_the_same_files(fitted, tmp_path):
    key = site_key(tmp_path)
    assert export(fitted, tmp_path / "a", key) == export(fitted, tmp_path / "b", key)
    assert (tmp_path / "a" / ONNX).read_bytes() == (tmp_path / "b" / ONNX).read_bytes()


def test_the_site_key_is_made_once_and_is_private(tmp_path):
    key = site_key(tmp_path)
    assert key == site_key(tmp_path)
    assert stat.S_IMODE((tmp_path / "keys" / "site.key").stat().st_mode) == 0o600
    assert (tmp_path / "keys" / "site.pub").read_bytes() != key


def test_the_manifest_says_how_good_the_twin_is(fitted):
    manifest = manifest_of(fitted, {})
    assert manifest.metrics["seconds"] > 30
    assert "trusted_s.level_1" in manifest.metrics
    assert manifest.metrics["false_alarms_per_day_bound"] > 1
    assert manifest.command == "icsguard learn cell"
