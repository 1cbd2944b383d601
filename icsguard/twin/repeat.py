"""The exact repeat: a stretch of answers that was seen before, word for word, is a recording.

Sensors have noise; a stretch of N answers to the same question with enough different values in it does not come twice.
Works on the answers as they came, so that it does not matter when a replayed recording is sampled.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import Final

LENGTH: Final = 20
"""Answers in a stretch."""
LEAST_DIFFERENT: Final = 12
"""Different answers in a stretch that may be judged: a plant at rest repeats itself innocently."""
MAX_STRETCHES: Final = 8_192  # remembered per question: half an hour at 4 polls/s. The oldest is forgotten
MAX_QUESTIONS: Final = 64  # questions watched (those of one SCADA are some dozens); further ones are not watched


@dataclass(slots=True)
class _Question:
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=LENGTH))
    stretches: OrderedDict[int, None] = field(default_factory=OrderedDict)


class RepeatWatch:
    """Remembers the stretches of answers to each question (any hashable key)."""

    def __init__(self) -> None:
        self._questions: dict[object, _Question] = {}

    def seen(self, question: object, answer: tuple[int, ...]) -> bool:
        """Take an answer; say whether the last LENGTH answers came in this order before."""
        known = self._questions.get(question)
        if known is None:
            if len(self._questions) >= MAX_QUESTIONS:
                return False
            known = self._questions[question] = _Question()
        known.recent.append(hash(answer))
        if len(known.recent) < LENGTH or len(set(known.recent)) < LEAST_DIFFERENT:
            return False
        stretch = hash(tuple(known.recent))
        if stretch in known.stretches:
            return True
        known.stretches[stretch] = None
        if len(known.stretches) > MAX_STRETCHES:
            known.stretches.popitem(last=False)
        return False
