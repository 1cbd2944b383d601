"""The spatial twin on the attacks of a real benchmark (BATADAL), thresholds from clean data only."""

import csv

import numpy as np
import pytest

from icsguard.twin.scoring import spatial_weights

HOURS_A_MONTH = 720
LEAST_S = 0.85
"""Measured .90 for a spatial ridge at this smoothing; .73 for limits alone and .76 for an autoencoder."""


def _table(path):
    with path.open(encoding="utf-8") as stream:
        rows = list(csv.reader(stream))[1:]
    values = np.array([[float(cell) for cell in row[1:-1]] for row in rows]).round(2)  # as the wire rounds
    return values, np.array([float(row[-1]) == 1 for row in rows])


def _smoothed(residuals, span=6):
    level, rate = np.zeros(residuals.shape[1]), 2 / (span + 1)
    out = np.empty_like(residuals)
    for index, row in enumerate(residuals):
        level = level + rate * (row - level)
        out[index] = level
    return out


def _events(flags):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return list(zip(edges[::2], edges[1::2], strict=True))


def _s(alarm, label):
    delays = [
        (np.flatnonzero(alarm[first:last])[0] if alarm[first:last].any() else last - first) / (last - first)
        for first, last in _events(label)
    ]
    rates = alarm[label].mean(), (~alarm[~label]).mean()
    return ((1 - np.mean(delays)) + np.mean(rates)) / 2


@pytest.mark.slow
def test_the_spatial_twin_beats_limits_and_autoencoders_on_seven_attacks(captures):
    clean, _ = _table(captures / "batadal" / "dataset03.csv")
    tested, label = _table(captures / "batadal" / "dataset04_fully_labelled.csv")
    moving = clean.std(axis=0) > 0
    cut = int(len(clean) * 0.7)
    mean, scale = clean[:cut].mean(axis=0)[moving], clean[:cut].std(axis=0)[moving]
    taught, judged, attacked = ((part[:, moving] - mean) / scale for part in (clean[:cut], clean[cut:], tested))
    weights = spatial_weights(taught.T @ taught, len(taught))
    sigma = np.maximum((judged - judged @ weights).std(axis=0), 0.02)
    scores = [np.abs(_smoothed((part - part @ weights) / sigma)).max(axis=1) for part in (judged, attacked)]
    limit = next(
        one
        for one in np.sort(scores[0])
        if len(_events(scores[0] > one)) <= len(scores[0]) / HOURS_A_MONTH and (scores[0] > one).mean() < 0.02
    )
    alarm = scores[1] > limit
    assert all(alarm[first:last].any() for first, last in _events(label))
    assert _s(alarm, label) >= LEAST_S
