"""All simulated plants: three on which methods are tuned, three that have been seen since, three that are frozen."""

from __future__ import annotations

from typing import Final

from icsguard.lab.plants import boiler, coldstore, feeder, heating, hvac, neutraliser, pipeline, reactor, water
from icsguard.lab.plants.api import Plant

TUNED: Final = (water.PLANT, pipeline.PLANT, hvac.PLANT)
SEEN: Final = (*TUNED, boiler.PLANT, feeder.PLANT, reactor.PLANT)
"""Plants whose results have led to changes, the last three after they had been frozen: models are trained on these."""
FROZEN: Final = (neutraliser.PLANT, heating.PLANT, coldstore.PLANT)
"""Run once, when nothing is changed any more."""
PLANTS: Final[dict[str, Plant]] = {plant.name: plant for plant in (*SEEN, *FROZEN)}
