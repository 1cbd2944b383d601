"""The name of what a request asks for: a function code, with its sub-function or MEI type where it has one."""

from __future__ import annotations

from typing import Final, NamedTuple

MAX_FUNCTION: Final = 127  # AP §4.1: 128 to 255 are exception responses
MAX_SUB: Final = 0xFFFF

DIAGNOSTICS: Final = 8
ENCAPSULATED: Final = 43


class ServiceId(NamedTuple):
    """A function code and its sub-function (8) or MEI type (43)."""

    function: int
    sub: int = -1
    """-1 where the function has none, or where all of them are meant."""

    def __str__(self) -> str:
        return str(self.function) if self.sub < 0 else f"{self.function}/{self.sub}"


def parse_service(text: str) -> ServiceId:
    """Return the service that `3`, `8/0` or `43/14` names; raise ValueError where it names none."""
    function, slash, sub = text.strip().partition("/")
    numbers = (function, sub) if slash else (function,)
    if not all(number.isascii() and number.isdecimal() for number in numbers):
        raise ValueError(f"{text!r} is no service: write a function code such as 3, or 8/0, or 43/14")
    service = ServiceId(int(function), int(sub) if slash else -1)
    if not 1 <= service.function <= MAX_FUNCTION or service.sub > _most(service.function):
        raise ValueError(
            f"{text!r} is no service: function codes are 1 to {MAX_FUNCTION}, only 8 and 43 have a second part"
        )
    return service


def _most(function: int) -> int:
    """Return the largest sub-function number of a function, -1 where it has none."""
    return {DIAGNOSTICS: MAX_SUB, ENCAPSULATED: 0xFF}.get(function, -1)
