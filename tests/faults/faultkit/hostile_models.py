"""Model files that mean harm: with and without a valid signature, in a running shadow and at the gate itself."""

import os
import random
import signal

import numpy as np

from faultkit.load import Worker
from faultkit.processes import until
from faultkit.registry import require
from icsguard.inference import manifest as cards
from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError
from icsguard.inference.gate import admit, judge
from icsguard.inference.onnx_build import Op, model
from icsguard.inference.onnx_file import read

KEY, PUBLIC = "site.key", "site.pub"
NAME = "point_twin.onnx"


def card(files, kind="point-twin"):
    """Return a manifest over some files."""
    return cards.Manifest(
        name="hostile",
        kind=kind,
        files={name: cards.digest(data) for name, data in files.items()},
        inputs=(cards.Port("x", (1, 2)),),
        outputs=(cards.Port("y", (1, 2)),),
        features=("a", "b"),
        feature_digest="00",
        mean=(0.0, 0.0),
        scale=(1.0, 1.0),
        data_digest="00",
        rows=1,
        thresholds={},
        metrics={},
        command="none",
    )


def honest():
    """Return a small model that is allowed."""
    operations = (Op("Gemm", ("x", "w", "b"), "s"), Op("Tanh", ("s",), "y"))
    constants = {"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": np.array([0.5, -0.5])}
    return model(operations, constants, {"x": (1, 2)}, {"y": (1, 2)}, name="small")


def of_operator(name, size=2):
    """Return a model with one operator that is not allowed, or of a size that is not."""
    constants = {"n": np.zeros((1, 1))}
    return model((Op(name, ("x", "n"), "y"),), constants, {"x": (1, size)}, {"y": (1, size)}, name="h")


def hostile():
    """Return hostile files, by name."""
    good = honest()
    bad = {name: of_operator(name) for name in ("Loop", "Scan", "If", "Expand", "ConstantOfShape", "Tile")}
    bad |= {"huge": of_operator("Add", 1 << 40), "random": random.Random(5).randbytes(300), "empty": b""}
    bad |= {f"cut at {size}": good[:size] for size in range(1, len(good), 7)}
    return bad


def play(stage):
    """Refuse them at the gate, and in the running shadow."""
    good = honest()
    admit("m", good, card({"m": good}))
    refused = _at_the_gate(good, 2_000 if stage.full else 300)
    folder = stage.guard.folder / "state" / "models" / "main"
    key_folder = stage.guard.folder / "state" / "keys"
    folder.mkdir(parents=True, exist_ok=True)
    key_folder.mkdir(exist_ok=True)
    key = signature.new_key()
    (key_folder / PUBLIC).write_bytes(signature.public_key(key))
    pid = stage.guard.parts()["shadow"].pid
    said = []
    with Worker(stage.guard.main, 28) as reads:
        for name, site, signer in (
            ("Loop", b"{}", key),
            ("random", b"\xff", key),
            ("Expand", b"{}", signature.new_key()),
        ):
            files = {NAME: hostile()[name], "site.json": site}
            said.append(_refused_live(stage, pid, folder, files, signer))
        for file in folder.iterdir():
            file.unlink()
        os.kill(pid, signal.SIGHUP)
        gone = until(lambda: "refused.main" not in stage.guard.parts()["shadow"].facts, 5, every=0.05)
    require(gone is not None, "the refusal stays after the model is gone")
    require(stage.guard.parts()["shadow"].pid == pid, "the shadow did not survive")
    require(not reads.trouble, reads.trouble)
    return f"{refused} files refused at the gate, {len(said)} in the running shadow, which serves on"


def _at_the_gate(good, flips):
    refused = 0
    for name, data in hostile().items():
        try:
            admit("m", data, card({"m": data}))
        except ModelRefusedError:
            refused += 1
        else:
            require(condition=False, text=f"{name} passed the gate")
    rng = random.Random(9)
    for _ in range(flips):
        data = bytearray(good)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        try:  # with another digest it is refused anyhow: here the gate alone, which must never fail otherwise
            judge(read(bytes(data)), card({}))
        except ModelRefusedError:
            refused += 1
    return refused


def _refused_live(stage, pid, folder, files, key):
    text = cards.encode(card(files))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "manifest.sig").write_bytes(signature.sign(key, text))
    before = stage.guard.parts()["shadow"].facts.get("refused.main")
    (folder / "manifest.json").write_bytes(text)
    os.kill(pid, signal.SIGHUP)

    def now():
        facts = stage.guard.parts()["shadow"].facts
        return facts.get("refused.main") not in {None, before}

    require(until(now, 5, every=0.05) is not None, f"not refused: {stage.guard.parts()['shadow'].facts}")
    return stage.guard.parts()["shadow"].facts["refused.main"]
