"""What simulated plants are built of: lags, drives and controllers of their equations, and the work of their people.

The equations are stiff beside a poll's period, so a plant is stepped in pieces (`in_pieces`). Nothing here draws random
numbers: every plant stays a pure function of its state, its commands and the world outside.
"""

from __future__ import annotations

import math

from icsguard.lab.plants.api import Advance, Outside, Routine, State, Stroke, Told


def in_pieces(piece: Advance, longest_s: float) -> Advance:
    """Return a plant's step that takes equal pieces of at most `longest_s` seconds."""

    def advance(state: State, told: Told, outside: Outside, seconds: float) -> State:
        pieces = max(1, math.ceil(seconds / longest_s))
        for _ in range(pieces):
            state = piece(state, told, outside, seconds / pieces)
        return state

    return advance


def regulate(
    bias: float, error: float, *, gain: float, reset: float, seconds: float, low: float = 0.0, high: float = 1.0
) -> tuple[float, float]:
    """Return output and new integral of a PI controller; the integral stands still where the output is at its end."""
    wanted = bias + gain * error
    if low < wanted < high:
        bias = min(max(bias + reset * error * seconds, low), high)
    return min(max(wanted, low), high), bias


def towards(now: float, wanted: float, lag_s: float, seconds: float) -> float:
    """Return a first-order lag one step on (implicit: stable for any step)."""
    return now + (wanted - now) * seconds / (lag_s + seconds)


def follow(now: float, wanted: float, speed: float, seconds: float) -> float:
    """Return a drive that moves towards `wanted` by at most `speed` a second."""
    most = speed * seconds
    return now + min(max(wanted - now, -most), most)


def by_hand(
    auto: str, drive: str, *moves: tuple[float, float], back: float, apart: int = 12, after: int = 1
) -> Routine:
    """Return maintenance of a loop: taken out of automatic, its drive moved by hand, brought back, given back.

    Each move is drawn from a range; moves are `apart` polls apart, and `after` the way back comes automatic.
    """
    moved = [Stroke(apart if number else 1, drive, *move) for number, move in enumerate(moves)]
    return (Stroke(0, auto, 0, 0), *moved, Stroke(apart, drive, back, back), Stroke(after, auto, 1, 1))


def outage(name: str, polls: int) -> Routine:
    """Return maintenance that needs something switched off for so many polls."""
    return Stroke(0, name, 0, 0), Stroke(polls, name, 1, 1)
