"""Every reason code of policy with its meaning and its usual answer, for the reference page and for `explain`."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

CODES: Final = MappingProxyType(
    {
        "client-unknown": (1, "the client is in no group, and no rule speaks of everyone"),
        "function-not-permitted": (1, "no rule lets this client use this function on this unit"),
        "denied-by-rule": (1, "a deny rule names it"),
        "outside-hours": (1, "the rule that would permit it does not hold at this hour"),
        "unit-undeclared": (2, "neither a point nor a rule speaks of this unit"),
        "address-not-permitted": (2, "rules permit the function, but not on every address that the request touches"),
        "value-outside-rule": (3, "outside the rule's own min and max"),
        "value-above-max": (3, "the result would be, or could become, larger than the point's max"),
        "value-below-min": (3, "likewise, smaller than its min"),
        "value-not-allowed": (3, "the result is not one of the point's allowed values"),
        "bit-not-writable": (3, "a bit outside the point's mask would or could change"),
        "not-a-number": (3, "the words hold NaN, infinity or no BCD digits"),
        "partial-write": (3, "only a part of a value of several registers is written"),
        "value-unknown": (3, "the result or the step depends on a present value that is not known or too old"),
        "step-too-large": (3, "further from the present value than max_step"),
        "rate-of-change": (3, "moved further in the last minute than max_rate permits"),
        "interval": (3, "written again before min_interval is over"),
        "overlap": (3, "another point's memory would change in a way that cannot be judged"),
        "rate-exceeded": (6, "the client sends more than the rule's rate"),
        "held-by-rule": (6, "a human must approve it; a ticket is open"),
        "alert-by-rule": (0, "permitted, and worth an alert"),
    }
)
"""Code to usual exception code (0: none) and meaning."""
