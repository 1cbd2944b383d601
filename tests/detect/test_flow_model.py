import numpy as np
import pytest

from icsguard.detect.flow_features import FEATURES
from icsguard.detect.flow_model import FlowModel, contributions, feature_digest, open_model
from icsguard.inference.api import ModelRefusedError
from icsguard.inference.manifest import decode


class Zero:
    digest = "zero"

    def score(self, *inputs):
        return (np.zeros((1, 32)),)


@pytest.fixture
def model():
    return FlowModel(Zero(), np.zeros(32), np.ones(32), 1.0)


def test_the_score_is_the_mean_error_and_the_worst_features_are_named(model):
    features = [0.0] * 32
    features[4] = 4.0
    score, errors = model.score(features)
    assert score == pytest.approx(16 / 32)
    assert contributions(features, errors, model)[0].name == FEATURES[4]
    assert contributions(features, errors, model)[0].share == pytest.approx(1.0)


def test_one_absurd_feature_is_cut_off(model):
    assert model.score([1e9] + [0.0] * 31)[0] == pytest.approx(64 / 32)


def test_the_sites_own_errors_scale_the_score(model):
    features = [1.0] * 32
    assert model.score(features, [2.0] * 32)[0] == pytest.approx(0.5)


def test_the_shipped_model_speaks_of_these_features(repo):
    manifest = decode((repo / "models" / "flow_ae.json").read_bytes())
    assert manifest.feature_digest == feature_digest()
    assert open_model(Zero(), manifest).threshold > 0


def test_a_model_of_other_features_is_refused(repo):
    import msgspec

    manifest = decode((repo / "models" / "flow_ae.json").read_bytes())
    other = msgspec.structs.replace(manifest, feature_digest="00")
    with pytest.raises(ModelRefusedError):
        open_model(Zero(), other)
