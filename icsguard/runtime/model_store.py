"""Where models are found, and how they become trusted: signature, manifest, gate, probe, and only then a session.

A model that fails any of these is refused with one sentence and what to type; the shadow goes on without it. What
passed once is remembered by digest, so that a reload probes only what is new.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from icsguard.config.settings import Settings
from icsguard.detect.flow_model import FlowModel, open_model
from icsguard.detect.triage import Triage, open_triage
from icsguard.inference import manifest as cards
from icsguard.inference import probe, signature
from icsguard.inference.api import ModelRefusedError
from icsguard.inference.gate import MAX_FILE, Passed, admit
from icsguard.inference.onnx import OnnxScorer
from icsguard.inference.release_key import RELEASE_KEY
from icsguard.inference.triage_key import TRIAGE_KEY
from icsguard.runtime.engineering import engineering_twin
from icsguard.runtime.places import ShippedDataMissingError, models_dir
from icsguard.twin import site_model
from icsguard.twin.site_model import Site

PROBE_S: Final = 15.0
"""A probe that takes longer (starting Python and onnxruntime takes about one second) is killed, the model refused."""
MAX_PASSED: Final = 256  # digests of models that passed their probe; beyond, the first is forgotten and probed again
SITE_KIND: Final = "point-twin"
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
SITE: Final = "site.json"
ONNX: Final = "point_twin.onnx"
LESSON: Final = "lesson.bin"
"""Statistics of what taught the model; only learning reads it, and old models have none."""
CHALLENGER: Final = "challenger"
"""Folder of the model on trial, inside the conduit's."""
PUBLIC_KEY: Final = Path("keys") / "site.pub"

_ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass(frozen=True, slots=True)
class Models:
    """Everything that was found and passed."""

    sites: Mapping[str, Site | None]
    flow: FlowModel | None
    refused: Mapping[str, str] = field(default_factory=dict)
    """Model to reason, for the status and the record."""
    challengers: Mapping[str, Site] = field(default_factory=dict)
    """Models on trial beside those of `sites`."""
    triage: Triage | None = None


class ModelStore:
    """Loads models; keeps the digests of those that were probed."""

    def __init__(self) -> None:
        self._passed: dict[str, None] = {}

    def load(self, settings: Settings) -> Models:
        """Return all models of the settings' conduits and the shipped flow model. Blocks for the probes."""
        sites: dict[str, Site | None] = {}
        challengers: dict[str, Site] = {}
        refused: dict[str, str] = {}
        key = Path(settings.gateway.state_dir) / PUBLIC_KEY
        for conduit in settings.conduits:
            name, folder = conduit.name, Path(settings.shadow.models_dir) / conduit.name
            sites[name] = _engineered(self._if_there(folder, key, name, refused), folder, key, refused)
            challenger = self._if_there(folder / CHALLENGER, key, f"{name}.challenger", refused)
            if challenger is not None:
                challengers[name] = challenger
        flow = None
        try:
            flow = self.flow(models_dir())
        except (ModelRefusedError, ShippedDataMissingError, OSError) as error:
            refused["flow_ae"] = str(error)
        triage = None
        try:
            triage = self.triage(models_dir())
        except (ModelRefusedError, ShippedDataMissingError, OSError) as error:
            refused["triage"] = str(error)
        return Models(sites, flow, refused, challengers, triage)

    def _if_there(self, folder: Path, key: Path, name: str, refused: dict[str, str]) -> Site | None:
        """Return the model of a folder; None where there is none or it is refused, and then the reason is noted."""
        try:
            return self.site(folder, key) if (folder / MANIFEST).exists() else None
        except (ModelRefusedError, OSError) as error:
            refused[name] = f"{error}; type: icsguard learn {name.partition('.')[0]}"
            return None

    def site(self, folder: Path, public_key: Path) -> Site:
        """Return a conduit's learnt model; raise ModelRefusedError or OSError."""
        key = _read(public_key, 64)
        text = _read(folder / MANIFEST, cards.MAX_MANIFEST)
        signature.check(key, text, _read(folder / SIGNATURE, 64))
        manifest = cards.decode(text)
        if manifest.kind != SITE_KIND:
            raise ModelRefusedError("kind", f"{folder / MANIFEST} is the card of a {manifest.kind!r:.40}")
        data = _read(folder / SITE, site_model.MAX_SITE)
        cards.check_file(manifest, SITE, data)
        model = site_model.decode(data)
        if manifest.features != tuple(column.name for column in model.columns):
            raise ModelRefusedError("features", f"{folder / SITE} and the manifest speak of different points")
        passed = self._admitted(ONNX, folder / ONNX, manifest, text)
        return Site(model, OnnxScorer(passed), cards.digest(text)[: cards.SHORT])

    def flow(self, folder: Path, key: bytes = RELEASE_KEY) -> FlowModel:
        """Return the shipped flow model; raise ModelRefusedError or OSError."""
        text = _read(folder / "flow_ae.json", cards.MAX_MANIFEST)
        signature.check(key, text, _read(folder / "flow_ae.sig", 64))
        manifest = cards.decode(text)
        passed = self._admitted("flow_ae.onnx", folder / "flow_ae.onnx", manifest, text)
        return open_model(OnnxScorer(passed), manifest)

    def triage(self, folder: Path, key: bytes = TRIAGE_KEY) -> Triage:
        """Return the shipped models that name alarms; raise ModelRefusedError or OSError."""
        text = _read(folder / "triage.json", cards.MAX_MANIFEST)
        signature.check(key, text, _read(folder / "triage.sig", 64))
        manifest = cards.decode(text)
        passed = self._admitted("triage.onnx", folder / "triage.onnx", manifest, text)
        return open_triage(OnnxScorer(passed), manifest)

    def _admitted(self, name: str, path: Path, manifest: cards.Manifest, text: bytes) -> Passed:
        passed = admit(name, _read(path, MAX_FILE), manifest)
        digest = cards.digest(text)
        if digest not in self._passed:
            run_probe(text, passed.data)
            while len(self._passed) >= MAX_PASSED:
                del self._passed[next(iter(self._passed))]
            self._passed[digest] = None
        return passed


def _engineered(site: Site | None, folder: Path, key: Path, refused: dict[str, str]) -> Site | None:
    """Return the site with the engineer's own twin beside the learnt one, where there is one that may be used."""
    if site is None:
        return None
    try:
        return replace(site, engineering=engineering_twin(folder, key, site.model))
    except ModelRefusedError as error:
        refused[f"{site.model.conduit}.engineering"] = str(error)
        return site


def run_probe(manifest: bytes, model: bytes, *, seconds: float = PROBE_S) -> None:
    """Run the model once in a child process with limits; raise ModelRefusedError unless it ends well in time."""
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "icsguard.inference.probe"],
            input=probe.request(manifest, model),
            capture_output=True,
            timeout=seconds,
            check=False,
            env={**_ENVIRONMENT, "PYTHONPATH": ":".join(part for part in sys.path if part)},
        )
    except subprocess.TimeoutExpired as error:
        raise ModelRefusedError("probe-time", f"the model did not finish its probe within {seconds:g} s") from error
    answer = ended.stdout.decode("utf-8", "replace")
    if ended.returncode or not answer.startswith(probe.PASSED):
        reason = answer or f"it ended with status {ended.returncode}"
        raise ModelRefusedError("probe", f"the model failed its probe: {reason:.200}")


def _read(path: Path, most: int) -> bytes:
    """Return a file's bytes; raise ModelRefusedError where it is larger than `most`."""
    with path.open("rb") as stream:
        data = stream.read(most + 1)
    if len(data) > most:
        raise ModelRefusedError("file-size", f"{path} is larger than {most} bytes")
    return data
