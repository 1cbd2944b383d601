"""Time as the pure core sees it: whole nanoseconds of a steady clock that starts at the wall clock's reading.

The runtime anchors the monotonic clock once, at process start, to the Unix epoch. So `now` never jumps when the
wall clock is stepped (timeouts stay right), yet reads as a date. What must follow the wall clock (time windows,
grants) adds the *shift* that the runtime measures between the two.
"""

from __future__ import annotations

from typing import Final

US: Final = 1_000
"""Nanoseconds in a microsecond."""
MS: Final = 1_000_000
"""Nanoseconds in a millisecond."""
SECOND: Final = 1_000_000_000
"""Nanoseconds in a second."""
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
