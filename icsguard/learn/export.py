"""A fitted twin becomes files: the ONNX model, the site model, their manifest and its signature.

The manifest is written last and names the digest of everything else, so that a reader who comes in between refuses what
does not fit together and keeps the model that it has. The site key signs: made on this box, at the first learning.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from icsguard.inference import signature
from icsguard.inference.manifest import Manifest, Port, digest, encode
from icsguard.inference.onnx_build import Op, model
from icsguard.learn import lesson as lessons
from icsguard.learn.fit import Fitted
from icsguard.learn.lesson import Lesson
from icsguard.runtime.model_store import LESSON, MANIFEST, ONNX, PUBLIC_KEY, SIGNATURE, SITE, SITE_KIND
from icsguard.runtime.whole_file import put
from icsguard.twin import site_model
from icsguard.twin.scoring import Matrices

KEY: Final = "site.key"
"""Name of the private key, beside the public one."""
COMMAND: Final = "icsguard learn {conduit}"


def export(fitted: Fitted, folder: Path, key: bytes, lesson: Lesson | None = None) -> Manifest:
    """Write the model to `folder` (the conduit's own, made if needed), signed with `key`; return its manifest.

    `lesson`: the statistics of what taught it, kept beside it so that a part can be taken out again.
    """
    parts = {ONNX: onnx_bytes(fitted.matrices), SITE: site_model.encode(fitted.model)}
    if lesson is not None and len(statistics := lessons.encode(lesson)) <= lessons.MAX_BYTES:
        parts[LESSON] = statistics
    manifest = manifest_of(fitted, parts)
    text = encode(manifest)
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    for name, content in {**parts, SIGNATURE: signature.sign(key, text), MANIFEST: text}.items():
        put(folder / name, content, 0o640)
    return manifest


def site_key(state_dir: Path) -> bytes:
    """Return the box's signing key; make it where there is none (readable by its owner alone)."""
    public = state_dir / PUBLIC_KEY
    path = public.with_name(KEY)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        put(path, signature.new_key(), 0o600)
    key = path.read_bytes()
    put(public, signature.public_key(key), 0o644)
    return key


def manifest_of(fitted: Fitted, parts: Mapping[str, bytes]) -> Manifest:
    """Return the card of a fitted twin; `parts`: its files by name."""
    one = fitted.model
    size, modes = len(one.columns), len(one.modes) + 1
    guarded = {column.name: column for column in one.columns if column.band}
    return Manifest(
        name=f"twin-{one.conduit}",
        kind=SITE_KIND,
        files={name: digest(content) for name, content in parts.items()},
        inputs=tuple(Port(name, (1, size)) for name in ("row", "state", "previous")),
        outputs=(Port("temporal", (1, size)), Port("spatial", (1, modes * size))),
        features=tuple(column.name for column in one.columns),
        feature_digest=one.points_digest,
        mean=tuple(column.mean for column in one.columns),
        scale=tuple(column.scale for column in one.columns),
        data_digest=one.data_digest,
        rows=one.rows,
        thresholds={"residuals": one.residuals.threshold, "flow": one.flow.threshold},
        metrics={
            "seconds": round(one.seconds, 1),
            "step_s": one.step_ns / 1e9,
            "blocks": float(len(one.residuals.blocks)),
            "false_alarms_per_day_bound": round(one.residuals.per_day, 3),
            **{f"trusted_s.{name}": column.trusted_steps * one.step_ns / 1e9 for name, column in guarded.items()},
            **{f"coverage.{name}": column.coverage[-1] for name, column in guarded.items()},
        },
        command=COMMAND.format(conduit=one.conduit),
        note=" ".join(one.notes),
    )


def onnx_bytes(parts: Matrices) -> bytes:
    """Return the two predictions of `twin.scoring.predict` as an ONNX file that takes one row."""
    size = parts.keep.shape[0]
    constants = {
        "now": parts.now,
        "past": parts.past,
        "one": parts.one,
        "gate_1": parts.gate_1,
        "gate_1_bias": parts.gate_1_bias,
        "gate_2": parts.gate_2,
        "gate_2_bias": parts.gate_2_bias,
        "weights": parts.weights,
        "keep": parts.keep,
        "tie_1": parts.tie_1,
        "tie_2": parts.tie_2,
        "tie_bias": parts.tie_bias,
        "ahead_state": parts.ahead_state,
        "ahead_past": parts.ahead_past,
        "ahead_bias": parts.ahead_bias,
        "neighbours": parts.spatial,
        "neighbours_bias": parts.spatial_bias,
    }
    ops = (
        Op("MatMul", ("previous", "past"), "before"),
        Op("Gemm", ("state", "now", "one"), "present"),
        Op("Add", ("present", "before"), "features"),
        Op("Gemm", ("state", "gate_1", "gate_1_bias"), "open_1"),
        Op("Gemm", ("state", "gate_2", "gate_2_bias"), "open_2"),
        Op("Mul", ("open_1", "open_2"), "open"),
        Op("Mul", ("features", "open"), "terms"),
        Op("MatMul", ("terms", "weights"), "moves"),
        Op("MatMul", ("state", "keep"), "kept"),
        Op("Add", ("kept", "moves"), "moved"),
        Op("Mul", ("row", "row"), "squares"),
        Op("MatMul", ("squares", "tie_2"), "curved"),
        Op("Gemm", ("row", "tie_1", "tie_bias"), "straight"),
        Op("Add", ("straight", "curved"), "tied"),
        Op("Add", ("moved", "tied"), "by_law"),
        Op("MatMul", ("previous", "ahead_past"), "long_ago"),
        Op("Gemm", ("state", "ahead_state", "ahead_bias"), "just_now"),
        Op("Add", ("just_now", "long_ago"), "by_regression"),
        Op("Add", ("by_law", "by_regression"), "temporal"),
        Op("Gemm", ("row", "neighbours", "neighbours_bias"), "spatial"),
    )
    ports = dict.fromkeys(("row", "state", "previous"), (1, size))
    outputs = {"temporal": (1, size), "spatial": (1, parts.spatial.shape[1])}
    return model(ops, constants, ports, outputs, name="point_twin")
