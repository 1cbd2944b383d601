"""What a write would really do: the plant itself, simulated on, with the write and without it. No twin is asked."""

from __future__ import annotations

from icsguard.lab.plants.site import PlantSite

HORIZON: int = 60
"""Polls."""
CLEARLY: float = 0.01
"""A limit counts as left when it is passed by this share of its own range."""
SOONER: float = 1.25
"""Harm that would come anyway is a write's doing only where it comes so much sooner: all writes move it by a poll."""


def leaves_safe_range(site: PlantSite, name: str, value: float, horizon: int = HORIZON) -> tuple[str, int] | None:
    """Return which measured tag would leave its safe range, and after how many polls; None if none would.

    None also where it would leave it without the write, hardly later.
    """
    with_write, without = site.branch(), site.branch()
    with_write.write(name, value)
    for poll in range(1, horizon + 1):
        with_write.advance()
        without.advance()
        for tag in site.plant.measured:
            if _outside(with_write, tag.name) > 0 and _outside(without, tag.name) <= 0:
                later = int(poll * SOONER) + 1 - poll
                return None if _leaves(without, tag.name, later) else (tag.name, poll)
        if is_outside(without):
            return None
    return None


def _leaves(site: PlantSite, name: str, polls: int) -> bool:
    """Say whether a tag leaves its safe range within so many polls from now."""
    for _ in range(polls):
        site.advance()
        if _outside(site, name) > 0:
            return True
    return False


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
