"""A clock that is not the gateway's: said of a server of OPC UA whose times lie further away than is permitted."""

from __future__ import annotations

from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Layer
from icsguard.core.finding import Finding
from icsguard.detect.catalog import kind
from icsguard.twin.sightings import Skew

CODE: Final = "clock-skew"


def skewed(conduit: str, skew: Skew, tolerance_ns: int) -> Finding:
    """Return the finding on a skew."""
    far, most = skew.offset_ns / SECOND, tolerance_ns / SECOND
    way = "ahead of" if far > 0 else "behind"
    whose = "the server's clock" if skew.whose == "server" else f"the source time of {skew.whose}"
    text = (
        f"{whose} is {abs(far):.3g} s {way} the gateway's, at most {most:g} s are permitted: "
        "its values count from their arrival"
    )
    found = kind(CODE)
    return Finding(
        detector="clocks",
        layer=Layer.IMAGE,
        code=CODE,
        text=text,
        at=skew.at,
        conduit=conduit,
        decision=Decision.ALERT,
        score=abs(far),
        threshold=most,
        technique=found.technique,
        point="" if skew.whose == "server" else skew.whose,
        harmless_cause=found.harmless,
        facts={"offset_s": far},
    )
