"""How policy speaks: places, services, durations and reasons in plain words, with the numbers in them."""

from __future__ import annotations

from typing import Final

from icsguard.core.clock import SECOND
from icsguard.core.ids import MAX_ADDRESS, AddressRange
from icsguard.core.meaning import Table
from icsguard.policy.rules import Action, Grant, Rate, Rule, Service, Target, Window

_FIVE_DIGITS: Final = 9_998
"""Largest PDU address that the five-digit reference form reaches."""
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_HOUR: Final = 60
_MAX_DIGITS: Final = 5


def reference(table: Table, address: int) -> str:
    """Return the 1-based form of device manuals: 40101 for holding 100, 465536 for holding 65535."""
    width = 4 if address <= _FIVE_DIGITS else 5
    return f"{int(table)}{address + 1:0{width}d}"


def place(table: Table, span: AddressRange, file: int = 0) -> str:
    """Return `holding 100..101 (40101)`, `coil 5 (00006)` or `file 4 record 0..9`."""
    first, last = span
    run = f"{first}" if first == last else f"{first}..{last}"
    if table is Table.FILE:
        return f"file {file} record {run}"
    return f"{table.word} {run} ({reference(table, first)})"


def target_text(target: Target) -> str:
    """Return a target as it is written in a policy file."""
    first, last = target.span
    run = f"{first}" if first == last else f"{first}..{last}"
    return f"file {target.file}:{run}" if target.table is Table.FILE else f"{target.table.word} {run}"


def parse_target(text: str) -> Target:
    """Return the target that `holding 0..39`, `coil 5` or `file 4:0..99` names; ValueError says what is wrong."""
    word, _, rest = text.strip().partition(" ")
    if word.upper() not in Table.__members__ or not rest.strip():
        tables = ", ".join(table.word for table in Table)
        raise ValueError(
            f"{text!r} names no range: write one of {tables}, then 0-based addresses, as in 'holding 0..39'"
        )
    table = Table[word.upper()]
    file = 0
    if table is Table.FILE:
        number, colon, rest = rest.partition(":")
        if not colon:
            raise ValueError(f"{text!r} names no records: write 'file 4:0..99' (file number, then records)")
        file = _number(number, text)
    first, dots, last = rest.partition("..")
    low = _number(first, text)
    high = _number(last, text) if dots else low
    if high < low:
        raise ValueError(f"{text!r} runs backwards: the first address is above the last")
    return Target(table, AddressRange(low, high), file)


def _number(digits: str, text: str) -> int:
    digits = digits.strip()
    good = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
    if not good or int(digits) > MAX_ADDRESS:
        raise ValueError(f"{text!r}: {digits!r} is no address; addresses are 0-based, 0 to {MAX_ADDRESS}")
    return int(digits)


def service_text(service: Service) -> str:
    """Return `3` or `8/0`."""
    return f"{service.function}" if service.sub < 0 else f"{service.function}/{service.sub}"


def services_text(services: tuple[Service, ...]) -> str:
    """Return services in order, comma-separated."""
    return ", ".join(service_text(service) for service in sorted(services))


def rate_text(rate: Rate) -> str:
    """Return `10/s`, or `3/20s` for odd periods."""
    units = {1: "s", 60: "min", 3600: "h"}
    seconds = rate.period_ns // SECOND
    return f"{rate.burst}/{units.get(seconds, f'{seconds}s')}"


def window_text(window: Window) -> str:
    """Return `Mon-Fri 06:00-18:00`."""
    first, last = window.days[0], window.days[-1]
    run = len(window.days) > 2 and last - first == len(window.days) - 1  # noqa: PLR2004 - two days are shorter by name
    days = f"{DAYS[first]}-{DAYS[last]}" if run else ",".join(DAYS[day] for day in window.days)
    return f"{days} {_clock(window.start)}-{_clock(window.end)}"


def _clock(minute: int) -> str:
    return f"{minute // _HOUR:02d}:{minute % _HOUR:02d}"


def values_text(rule: Rule) -> str:
    """Return a rule's own value limits in words, empty where it has none."""
    low, high = rule.minimum, rule.maximum
    if low is not None and high is not None:
        return f"{low:g} to {high:g}"
    if low is not None:
        return f"at least {low:g}"
    return f"at most {high:g}" if high is not None else ""


def reach_text(rule: Rule | Grant) -> str:
    """Return what a rule or grant reaches, in words."""
    parts = [*rule.points, *(target_text(target) for target in rule.targets)]
    return ", ".join(parts) if parts else "every address to read, every declared point to write"


def rule_text(rule: Rule) -> str:
    """Return a rule as one sentence without its verb's end: who, what, where, within which limits."""
    who = ", ".join(rule.clients) or "everyone"
    verb = {Action.ALLOW: "may use", Action.ALERT: "may use (with an alert)"}.get(rule.action, "")
    verb = verb or {Action.HOLD: "needs approval for", Action.DENY: "may not use"}[rule.action]
    what = f"preset {rule.preset}" if rule.preset else f"functions {services_text(rule.services)}"
    units = f"unit {', '.join(str(unit) for unit in rule.units)}" if rule.units else "every declared unit"
    extras = [f"values {values_text(rule)}" if values_text(rule) else "", rate_text(rule.rate) if rule.rate else ""]
    extras += [window_text(window) for window in rule.hours]
    tail = "".join(f", {extra}" for extra in extras if extra)
    return f"{who} {verb} {what} on {units}: {reach_text(rule)}{tail}"
