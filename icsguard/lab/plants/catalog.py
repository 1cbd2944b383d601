"""All simulated plants: three on which methods are tuned, three that are frozen and only measured."""

from __future__ import annotations

from typing import Final

from icsguard.lab.plants import boiler, feeder, hvac, pipeline, reactor, water
from icsguard.lab.plants.api import Plant

TUNED: Final = (water.PLANT, pipeline.PLANT, hvac.PLANT)
FROZEN: Final = (boiler.PLANT, feeder.PLANT, reactor.PLANT)
PLANTS: Final[dict[str, Plant]] = {plant.name: plant for plant in (*TUNED, *FROZEN)}
KNOWN: Final[dict[str, Plant]] = {plant.name: plant for plant in (*TUNED, boiler.PLANT, feeder.PLANT, reactor.PLANT)}
"""Plants whose results have led to changes: studies run and models are trained on these alone."""
