"""What all targets at the codec share: how many inputs a batch has, where chance comes from, which quirks are tried.

A target makes a batch of inputs from a batch number alone, and checks one input at a time; an AssertionError names the
broken promise. So any input can be made again, in any process, from its target, batch and place.
"""

import numpy as np

from icsguard.protocols.modbus.quirks import NO_QUIRKS, QUIRKS

BATCH = 4096
QUIRK_SETS = (NO_QUIRKS, frozenset(QUIRKS), NO_QUIRKS, *(frozenset({name}) for name in QUIRKS))


def generator(seed, name, batch):
    """Return the source of all chance of one batch."""
    return np.random.default_rng([seed, *name.encode(), batch])
