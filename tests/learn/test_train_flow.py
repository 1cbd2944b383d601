import pytest

from icsguard.inference import signature
from icsguard.inference.gate import admit
from icsguard.inference.manifest import decode
from icsguard.learn import train_flow


@pytest.fixture(scope="module")
def small():
    return train_flow.train(sites=40, epochs=10)


def test_a_model_is_made_that_passes_the_gate(small):
    data, manifest = small
    admit("flow_ae.onnx", data, manifest)


def test_attacks_are_told_from_sites_that_it_never_saw(small):
    _, manifest = small
    for name in ("scan", "brute_force", "identity", "refused"):
        assert manifest.metrics[f"auc_{name}"] > 0.9


def test_training_again_gives_the_same_model(small):
    data, manifest = train_flow.train(sites=40, epochs=10)
    assert (data, manifest) == small


def test_the_command_writes_model_manifest_and_signature(tmp_path, monkeypatch, small, capsys):
    monkeypatch.setattr(train_flow, "train", lambda: small)
    assert train_flow.main([str(tmp_path), "--key", str(tmp_path / "key.py")]) == 0
    text = (tmp_path / "flow_ae.json").read_bytes()
    public = bytes.fromhex((tmp_path / "key.py").read_text().split('"')[-2])
    signature.check(public, text, (tmp_path / "flow_ae.sig").read_bytes())
    assert decode(text) == small[1]
    assert "auc_scan" in capsys.readouterr().out


def test_the_shipped_model_was_made_by_the_command(repo):
    manifest = decode((repo / "models" / "flow_ae.json").read_bytes())
    assert manifest.command == train_flow.COMMAND
    assert manifest.metrics["auc_scan"] > 0.99
