"""What a write would really do: the plant itself, simulated on, with the write and without it. No twin is asked."""

from __future__ import annotations

from icsguard.lab.plants.site import PlantSite

HORIZON: int = 60
"""Polls."""
CLEARLY: float = 0.01
"""A limit counts as left when it is passed by this share of its own range."""


def leaves_safe_range(site: PlantSite, name: str, value: float, horizon: int = HORIZON) -> tuple[str, int] | None:
    """Return which measured tag would leave its safe range, and after how many polls; None if none would.

    None also where it would leave it without the write.
    """
    with_write, without = site.branch(), site.branch()
    with_write.write(name, value)
    for poll in range(1, horizon + 1):
        with_write.advance()
        without.advance()
        for tag in site.plant.measured:
            if _outside(with_write, tag.name) > 0 and _outside(without, tag.name) <= 0:
                return tag.name, poll
        if is_outside(without):
            return None
    return None


def is_outside(site: PlantSite) -> bool:
    """Say whether the plant is outside its safe range right now."""
    return any(_outside(site, tag.name) > 0 for tag in site.plant.measured)


def _outside(site: PlantSite, name: str) -> float:
    """Return how far beyond its clear limits a tag is; negative inside."""
    point = site.points[name]
    low, high, value = point.safe_min, point.safe_max, site.state[name]
    width = high - low if low is not None and high is not None else abs(high if high is not None else low or 1.0)
    slack = CLEARLY * width
    beyond = [value - high - slack] if high is not None else []
    beyond += [low - slack - value] if low is not None else []
    return max(beyond, default=-1.0)
