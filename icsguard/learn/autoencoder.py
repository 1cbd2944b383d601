"""A small autoencoder, trained in numpy: 32-16-6-16-32, tanh inside, Adam. The same seed gives the same weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from icsguard.inference.api import Array
from icsguard.inference.onnx_build import Op, model

WIDTHS: Final = (32, 16, 6, 16, 32)
_BATCH: Final = 128
_RATE: Final = 2e-3
_BETA: Final = (0.9, 0.999)
_DECAY: Final = 1e-5


@dataclass(frozen=True, slots=True)
class Layer:
    """Weights (inputs x outputs) and bias."""

    weights: Array
    bias: Array


def forward(layers: Sequence[Layer], rows: Array) -> list[Array]:
    """Return the rows and what every layer makes of them; the last layer is linear."""
    seen = [rows]
    for number, layer in enumerate(layers):
        out = seen[-1] @ layer.weights + layer.bias
        seen.append(out if number == len(layers) - 1 else np.tanh(out))
    return seen


def train(rows: Array, *, seed: int, epochs: int) -> list[Layer]:
    """Return layers that give rows back as well as their narrow waist allows."""
    noise = np.random.default_rng(seed)
    layers = [Layer(noise.normal(0, (1 / ins) ** 0.5, (ins, outs)), np.zeros(outs)) for ins, outs in pairwise(WIDTHS)]
    state = [[np.zeros_like(part) for part in (layer.weights, layer.bias) for _ in (0, 1)] for layer in layers]
    steps = 0
    for _ in range(epochs):
        order = noise.permutation(len(rows))
        for start in range(0, len(rows), _BATCH):
            steps += 1
            layers = _adam(layers, _gradients(layers, rows[order[start : start + _BATCH]]), state, steps)
    return layers


def _gradients(layers: Sequence[Layer], rows: Array) -> list[tuple[Array, Array]]:
    seen = forward(layers, rows)
    slope = 2 * (seen[-1] - rows) / rows.size
    found: list[tuple[Array, Array]] = []
    for number in range(len(layers) - 1, -1, -1):
        layer = layers[number]
        found.append((seen[number].T @ slope + _DECAY * layer.weights, slope.sum(axis=0)))
        slope = (slope @ layer.weights.T) * (1 - seen[number] ** 2)
    return found[::-1]


def _adam(
    layers: Sequence[Layer], gradients: Sequence[tuple[Array, Array]], state: list[list[Array]], steps: int
) -> list[Layer]:
    return [
        Layer(_moved(layer.weights, slope[0], kept[:2], steps), _moved(layer.bias, slope[1], kept[2:], steps))
        for layer, slope, kept in zip(layers, gradients, state, strict=True)
    ]


def _moved(value: Array, slope: Array, kept: list[Array], steps: int) -> Array:
    first, second = kept
    first += (1 - _BETA[0]) * (slope - first)
    second += (1 - _BETA[1]) * (slope**2 - second)
    size = _RATE * (1 - _BETA[1] ** steps) ** 0.5 / (1 - _BETA[0] ** steps)
    moved: Array = value - size * first / (np.sqrt(second) + 1e-8)
    return moved


def to_onnx(layers: Sequence[Layer]) -> bytes:
    """Return the network as an ONNX file that takes and gives one row."""
    ops: list[Op] = []
    constants: dict[str, Array] = {}
    last = "features"
    for number, layer in enumerate(layers):
        constants[f"w{number}"], constants[f"b{number}"] = layer.weights, layer.bias
        ends = number == len(layers) - 1
        out = "reconstruction" if ends else f"sum{number}"
        ops.append(Op("Gemm", (last, f"w{number}", f"b{number}"), out))
        if not ends:
            ops.append(Op("Tanh", (out,), f"out{number}"))
            last = f"out{number}"
    shape = (1, WIDTHS[0])
    return model(ops, constants, {"features": shape}, {"reconstruction": shape}, name="flow_ae")
