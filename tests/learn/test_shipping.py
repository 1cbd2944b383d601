"""A model that comes out the same keeps its signature; another one gets a new key, and the old half is gone."""

import runpy

import pytest

from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError
from icsguard.learn.shipping import KeyFile, ship


@pytest.fixture
def key(tmp_path):
    return KeyFile(tmp_path / "key.py", "THE_KEY", "make models")


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_what_is_shipped_is_signed_with_the_key_that_is_written(tmp_path, key):
    assert ship(tmp_path / "m", "one", b"model", b"manifest", key)
    public = runpy.run_path(str(key.path))["THE_KEY"]
    signature.check(public, b"manifest", (tmp_path / "m" / "one.sig").read_bytes())
    assert b"model" == (tmp_path / "m" / "one.onnx").read_bytes()
    assert "make models" in key.path.read_text()


def test_the_same_model_again_writes_nothing(tmp_path, key):
    ship(tmp_path / "m", "one", b"model", b"manifest", key)
    before = files(tmp_path / "m"), key.path.read_bytes()
    assert not ship(tmp_path / "m", "one", b"model", b"manifest", key)
    assert before == (files(tmp_path / "m"), key.path.read_bytes())


@pytest.mark.parametrize("damage", ["model", "signature", "key", "no key"])
def test_whatever_does_not_fit_is_signed_anew(tmp_path, key, damage):
    ship(tmp_path / "m", "one", b"model", b"manifest", key)
    match damage:
        case "model":
            (tmp_path / "m" / "one.onnx").write_bytes(b"other")
        case "signature":
            (tmp_path / "m" / "one.sig").write_bytes(bytes(64))
        case "key":
            key.path.write_text("nothing")
        case _:
            key.path.unlink()
    assert ship(tmp_path / "m", "one", b"model", b"manifest", key)
    public = runpy.run_path(str(key.path))["THE_KEY"]
    signature.check(public, b"manifest", (tmp_path / "m" / "one.sig").read_bytes())


def test_a_new_model_gets_a_new_key(tmp_path, key):
    ship(tmp_path / "m", "one", b"model", b"manifest", key)
    old = runpy.run_path(str(key.path))["THE_KEY"]
    ship(tmp_path / "m", "one", b"other", b"other manifest", key)
    with pytest.raises(ModelRefusedError):
        signature.check(old, b"other manifest", (tmp_path / "m" / "one.sig").read_bytes())


def test_without_a_key_file_a_model_is_written_for_whoever_wants_to_look_at_it(tmp_path):
    assert ship(tmp_path / "m", "one", b"model", b"manifest", None)
    assert ["one.json", "one.onnx", "one.sig"] == [path.name for path in sorted((tmp_path / "m").iterdir())]
