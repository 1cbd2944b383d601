"""icsguard with everything on: policy, pairing, response checks, shadow with models, scoring, records.

The three processes are started as a service manager does: the gateway on the data core, shadow and recorder on the
other. `shadow=False` leaves the shadow out, to see what it costs the gateway.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bench.peers.api import Stage, Standing
from bench.process import NotReadyError, children, free_port, last_words, start, stop, wait_for_port
from bench.site import write_policy, write_site
from bench.trained import sources_digest, train
from icsguard import __version__
from icsguard.control.replies import Status
from icsguard.control.requests import GetStatus
from icsguard.runtime import compiled
from icsguard.runtime.control_client import ControlError, ask

CELL: Final = "cell"
SECOND: Final = "second"
READY_S: Final = 30.0  # the shadow loads and probes its models
ENVIRONMENT: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
FEW_RULES: Final = 200  # what other guards of this field take at most
MANY_RULES: Final = 9_000  # near the bound of one policy


class Icsguard:
    """The product."""

    def __init__(self, name: str = "icsguard", *, shadow: bool = True, mode: str = "enforce", core: str = "") -> None:
        self.name = name
        self._core = {compiled.VARIABLE: core} if core else {}
        self.wrap: list[str] = []
        self._shadow = shadow
        self._mode = mode

    def absent(self) -> str:
        """It is always there."""
        return ""

    def version(self) -> str:
        """Return its version, and which core it runs."""
        return __version__ if self._core else f"{__version__} ({compiled.find().name} core)"

    @contextlib.contextmanager
    def stand(self, stage: Stage) -> Iterator[Standing]:
        """Start the processes; ready when the shadow has its models."""
        folder = stage.folder
        conduits = {CELL: (free_port(), stage.device_port)}
        if stage.second_port:
            conduits[SECOND] = (free_port(), stage.second_port)
        config = write_site(folder, conduits, mode=self._mode)
        models(config, stage.programs, folder / "state")
        with contextlib.ExitStack() as stack:
            gateway = _part(stack, stage, "gateway", stage.place.gateway, config, self._core)
            wait_for_port(conduits[CELL][0], gateway, folder / "gateway.log")
            parts = {"recorder": _part(stack, stage, "recorder", stage.place.side, config)}
            if self._shadow:
                parts["shadow"] = _part(stack, stage, "shadow", stage.place.side, config)
            _wait_for_parts(folder, parts)
            yield Standing(
                conduits[CELL][0],
                (gateway.pid, *children(gateway.pid)),
                {role: (process.pid,) for role, process in parts.items()},
                second_port=conduits.get(SECOND, (0, 0))[0],
                actions=_actions(folder, gateway, parts),
                done=_done(folder),
            )


def models(config: Path, programs: Path, state: Path) -> None:
    """Put the trained twin of the site into its state folder: trained once for these sources, then copied."""
    kept = programs / f"trained-{sources_digest()}"
    if not (kept / "done").exists():
        for old in programs.glob("trained-*"):
            shutil.rmtree(old, ignore_errors=True)
        train(config, programs, CELL)
        shutil.copytree(state, kept)
        (kept / "done").touch()
        return
    shutil.copytree(kept, state, dirs_exist_ok=True)


def status(folder: Path) -> Status:
    """Ask the running gateway how it is. Raises ControlError."""
    reply = ask(folder / "run" / "control.sock", GetStatus())
    if not isinstance(reply, Status):
        raise NotReadyError(f"the gateway does not say how it is: {reply}")
    return reply


def _part(
    stack: contextlib.ExitStack,
    stage: Stage,
    role: str,
    prefix: list[str],
    config: Path,
    core: Mapping[str, str] = MappingProxyType({}),
) -> subprocess.Popen[bytes]:
    """Start one process; `core` says which core a gateway runs."""
    command = [*prefix, sys.executable, "-m", f"icsguard.runtime.{role}", "--config", str(config)]
    process = start(command, stage.folder / f"{role}.log", env={**ENVIRONMENT, **core})
    stack.callback(stop, process)
    return process


def _wait_for_parts(folder: Path, parts: dict[str, subprocess.Popen[bytes]]) -> None:
    until = time.monotonic() + READY_S
    seen: object = "no status"
    while time.monotonic() < until:
        with contextlib.suppress(ControlError):
            seen = {part.role: (part.state, part.facts) for part in status(folder).parts}
            if all(_is_ready(part.state, part.facts, part.role) for part in status(folder).parts if part.role in parts):
                return
        time.sleep(0.1)
    raise NotReadyError(f"not ready: {seen}; {[last_words(folder / f'{role}.log') for role in parts]}")


def _is_ready(state: str, facts: dict[str, str | int | float], role: str) -> bool:
    return state == "up" and (role != "shadow" or bool(facts.get(f"{CELL}.model")))


def _done(folder: Path) -> dict[str, Callable[[], int]]:
    def lines(path: Path, text: str) -> int:
        return path.read_text(errors="replace").count(text) if path.exists() else 0

    def reloads() -> int:
        return lines(folder / "state" / "records" / "records.jsonl", "reloaded the configuration")

    def models_loaded() -> int:
        return lines(folder / "shadow.log", '"event": "models"')

    return {"policy reload": reloads, "huge policy reload": reloads, "model reload": models_loaded}


def _actions(
    folder: Path, gateway: subprocess.Popen[bytes], parts: dict[str, subprocess.Popen[bytes]]
) -> dict[str, Callable[[], None]]:
    many, few = itertools.cycle((MANY_RULES, 0)), itertools.cycle((FEW_RULES, 0))

    def reload_policy(rules: Iterator[int]) -> None:
        write_policy(folder, rules=next(rules))
        gateway.send_signal(signal.SIGHUP)

    def reload_models() -> None:
        for manifest in (folder / "state" / "models").glob("*/manifest.json"):
            os.utime(manifest)
        parts["shadow"].send_signal(signal.SIGHUP)

    found: dict[str, Callable[[], None]] = {
        "policy reload": lambda: reload_policy(few),
        "huge policy reload": lambda: reload_policy(many),
        "stall recorder": lambda: parts["recorder"].send_signal(signal.SIGSTOP),
        "resume recorder": lambda: parts["recorder"].send_signal(signal.SIGCONT),
    }
    if "shadow" in parts:
        found["model reload"] = reload_models
        found["stall shadow"] = lambda: parts["shadow"].send_signal(signal.SIGSTOP)
        found["resume shadow"] = lambda: parts["shadow"].send_signal(signal.SIGCONT)
    return found
