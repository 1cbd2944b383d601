"""All attacks of the demo, in its order: from the plainest to the one that only a model of the plant can see."""

from __future__ import annotations

from typing import Final

from icsguard.lab.attacks import (
    coil_toggling,
    flood,
    half_float,
    mask_write,
    out_of_range,
    programming,
    replay,
    rogue_write,
    scan,
    silence,
    slow_ramp,
    stacked,
    unit_alias,
    unsafe_consequence,
)
from icsguard.lab.attacks.scene import Attack

ATTACKS: Final[tuple[Attack, ...]] = (
    scan.ATTACK,
    rogue_write.ATTACK,
    out_of_range.ATTACK,
    unit_alias.ATTACK,
    mask_write.ATTACK,
    half_float.ATTACK,
    stacked.ATTACK,
    silence.ATTACK,
    programming.ATTACK,
    replay.ATTACK,
    flood.ATTACK,
    coil_toggling.ATTACK,
    unsafe_consequence.ATTACK,
    slow_ramp.ATTACK,
)
"""The slow ramp comes last: it uses up the minute's budget of a set-point that operators need, too."""
