"""A small recurrent network (GRU) that forecasts the next row: the challenger that the linear twin has to stand up to.

Trained in numpy by backpropagation through short stretches of time; the same seed gives the same weights. It sees what
the linear law sees: the row, its last change, and the commands of the step ahead. Its ONNX form is one step, the hidden
state in and out, of operations that the gate lets pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from icsguard.inference.api import Array
from icsguard.inference.onnx_build import Op, model

HIDDEN: Final = 24
STRETCH: Final = 24
"""Rows through which errors are carried back."""
BATCH: Final = 32
STEPS: Final = 900
_RATE: Final = 4e-3
_BETA: Final = (0.9, 0.999)
_CUT: Final = 5.0  # no input counts for more standard deviations
_MOST_SLOPE: Final = 1.0  # gradients are scaled down to this norm


@dataclass(slots=True)
class Gru:
    """Weights: update and reset gates, candidate, and the way out."""

    inputs: Array
    """Features x 3 hidden."""
    state: Array
    """Hidden x 3 hidden."""
    bias: Array
    out: Array
    """Hidden x outputs."""
    straight: Array
    """Features x outputs: what is linear anyway need not go through the hidden state."""
    out_bias: Array


def new(features: int, outputs: int, noise: np.random.Generator, hidden: int = HIDDEN) -> Gru:
    """Return untrained weights."""
    return Gru(
        noise.normal(0, features**-0.5, (features, 3 * hidden)),
        noise.normal(0, hidden**-0.5, (hidden, 3 * hidden)),
        np.zeros(3 * hidden),
        noise.normal(0, 0.1 * hidden**-0.5, (hidden, outputs)),
        np.zeros((features, outputs)),
        np.zeros(outputs),
    )


@dataclass(frozen=True, slots=True)
class _Step:
    """What the way back needs of one step."""

    before: Array
    update: Array
    reset: Array
    candidate: Array
    held: Array
    """The candidate's share of the old state, before the reset."""


def step(net: Gru, features: Array, before: Array) -> tuple[Array, Array, _Step]:
    """Return outputs and next hidden state of many rows at once."""
    size = before.shape[1]
    given, kept = features @ net.inputs + net.bias, before @ net.state
    update = _sigmoid(given[:, :size] + kept[:, :size])
    reset = _sigmoid(given[:, size : 2 * size] + kept[:, size : 2 * size])
    held = kept[:, 2 * size :]
    candidate = np.tanh(given[:, 2 * size :] + reset * held)
    after = candidate + update * (before - candidate)
    return (
        after @ net.out + features @ net.straight + net.out_bias,
        after,
        _Step(before, update, reset, candidate, held),
    )


def _sigmoid(values: Array) -> Array:
    found: Array = 1.0 / (1.0 + np.exp(-values))
    return found


def train(features: Array, targets: Array, *, seed: int, steps: int = STEPS) -> Gru:
    """Return a network that forecasts `targets` from `features` (rows in the order of time)."""
    noise = np.random.default_rng(seed)
    net = new(features.shape[1], targets.shape[1], noise)
    moments = {one.name: [np.zeros_like(getattr(net, one.name)) for _ in (0, 1)] for one in fields(net)}
    for turn in range(1, steps + 1):
        starts = noise.integers(0, max(len(features) - STRETCH, 1), BATCH)
        rows = starts[:, None] + np.arange(min(STRETCH, len(features)))
        _adam(net, _slopes(net, features[rows], targets[rows]), moments, turn, _RATE * (1 - turn / (steps + 1)))
    return net


def _slopes(net: Gru, features: Array, targets: Array) -> dict[str, Array]:
    """Return the gradient of the mean square error over a batch of stretches (batch x time x columns)."""
    state, seen = np.zeros((len(features), len(net.state))), list[tuple[Array, Array, _Step]]()
    for time in range(features.shape[1]):
        said, state, one = step(net, features[:, time], state)
        seen.append((2 * (said - targets[:, time]) / targets.size, state, one))
    found = {one.name: np.zeros_like(getattr(net, one.name)) for one in fields(net)}
    back = np.zeros_like(state)
    for time in range(features.shape[1] - 1, -1, -1):
        error, after, one = seen[time]
        given = features[:, time]
        found["out"] += after.T @ error
        found["straight"] += given.T @ error
        found["out_bias"] += error.sum(axis=0)
        back = _back(net, one, given, back + error @ net.out.T, found)
    norm = float(np.sqrt(sum(float((one**2).sum()) for one in found.values())))
    return {name: one * min(1.0, _MOST_SLOPE / max(norm, 1e-12)) for name, one in found.items()}


def _back(net: Gru, one: _Step, given: Array, slope: Array, found: dict[str, Array]) -> Array:
    """Carry the slope at a step's hidden state back to the one before; add the weights' share to `found`."""
    candidate = slope * (1 - one.update) * (1 - one.candidate**2)
    update = slope * (one.before - one.candidate) * one.update * (1 - one.update)
    reset = candidate * one.held * one.reset * (1 - one.reset)
    through = np.hstack([update, reset, candidate])
    into = np.hstack([update, reset, candidate * one.reset])
    found["inputs"] += given.T @ through
    found["bias"] += through.sum(axis=0)
    found["state"] += one.before.T @ into
    return slope * one.update + into @ net.state.T


def _adam(net: Gru, slopes: dict[str, Array], moments: dict[str, list[Array]], turn: int, rate: float) -> None:
    for name, slope in slopes.items():
        first, second = moments[name]
        first += (1 - _BETA[0]) * (slope - first)
        second += (1 - _BETA[1]) * (slope**2 - second)
        size = rate * (1 - _BETA[1] ** turn) ** 0.5 / (1 - _BETA[0] ** turn)
        setattr(net, name, getattr(net, name) - size * first / (np.sqrt(second) + 1e-8))


def run(net: Gru, features: Array) -> Array:
    """Return the outputs of a whole recording, the hidden state carried along."""
    state, found = np.zeros((1, len(net.state))), np.empty((len(features), len(net.out_bias)))
    for index in range(len(features)):
        said, state, _ = step(net, features[index : index + 1], state)
        found[index] = said[0]
    return found


def features_of(standard: Array, commands: Sequence[int]) -> Array:
    """Return the network's inputs for the step after each row but the last: the row with the next one's commands."""
    now = standard[:-1].copy()
    now[:, list(commands)] = standard[1:, list(commands)]
    before = np.vstack([now[:1], now[:-1]])
    found: Array = np.clip(np.hstack([now, now - before]), -_CUT, _CUT)
    return found


def to_onnx(net: Gru) -> bytes:
    """Return one step as an ONNX file: features and hidden state in, forecast and hidden state out."""
    size = len(net.state)
    constants: dict[str, Array] = {"out": net.out, "straight": net.straight, "out_bias": net.out_bias}
    for place, name in enumerate(("update", "reset", "candidate")):
        part = slice(place * size, (place + 1) * size)
        constants |= {f"in_{name}": net.inputs[:, part], f"of_{name}": net.state[:, part], f"b_{name}": net.bias[part]}
    ops = [
        op
        for name in ("update", "reset")
        for op in (
            Op("Gemm", ("features", f"in_{name}", f"b_{name}"), f"given_{name}"),
            Op("MatMul", ("hidden", f"of_{name}"), f"kept_{name}"),
            Op("Add", (f"given_{name}", f"kept_{name}"), f"sum_{name}"),
            Op("Sigmoid", (f"sum_{name}",), name),
        )
    ]
    ops += [
        Op("Gemm", ("features", "in_candidate", "b_candidate"), "given_candidate"),
        Op("MatMul", ("hidden", "of_candidate"), "kept_candidate"),
        Op("Mul", ("reset", "kept_candidate"), "held"),
        Op("Add", ("given_candidate", "held"), "sum_candidate"),
        Op("Tanh", ("sum_candidate",), "candidate"),
        Op("Sub", ("hidden", "candidate"), "apart"),
        Op("Mul", ("update", "apart"), "stays"),
        Op("Add", ("candidate", "stays"), "next"),
        Op("Gemm", ("next", "out", "out_bias"), "curved"),
        Op("MatMul", ("features", "straight"), "linear"),
        Op("Add", ("curved", "linear"), "forecast"),
    ]
    ports = {"features": (1, len(net.inputs)), "hidden": (1, size)}
    return model(ops, constants, ports, {"forecast": (1, len(net.out_bias)), "next": (1, size)}, name="seq_gru")
