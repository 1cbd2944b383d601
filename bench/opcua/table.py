"""What the rows over OPC UA say: one table, and the targets beside the relay of the same round. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bench.opcua.measure import UaRow
from bench.ratios import Spread, spread
from bench.targets import Target

GOALS = (
    ("OPC UA passthrough None, gateway CPU / relay", "None", "passthrough", 1.6, 1.3),
    ("OPC UA terminate SignAndEncrypt, gateway CPU / relay", "SignAndEncrypt", "terminate", 4.5, 3.8),
)
"""What must be reached, and what is aimed for."""


def ratio(rows: Sequence[UaRow], security: str, contender: str, against: str = "relay") -> Spread | None:
    """Return a contender's CPU for a request against the relay's, of each round that has both without errors."""
    found = {(row.round, row.contender): row.cpu_us for row in rows if row.security == security and not row.errors}
    return spread(
        found[number, contender] / cost
        for (number, name), cost in found.items()
        if name == against and cost and (number, contender) in found
    )


def targets(rows: Sequence[UaRow]) -> list[Target]:
    """Return the targets with what was measured."""
    return [
        Target(name, must, aim, False, "x", ratio(rows, security, way), "no round of both without errors")  # noqa: FBT003 - at most
        for name, security, way, must, aim in GOALS
    ]


def written(rows: Sequence[UaRow]) -> str:
    """Return the table as text."""
    head = ("security", "contender", "requests/s", "CPU us/request", "against relay", "p50 us", "p99 us", "errors")
    lines = [head]
    for security in dict.fromkeys(row.security for row in rows):
        of = [row for row in rows if row.security == security]
        lines += [_line(security, name, of) for name in dict.fromkeys(row.contender for row in of)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text = ["OPC UA: 8 sessions read 10 nodes each, as fast as answers come"]
    text += ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    text += [f"{row.security} {row.contender}, round {row.round + 1}: {row.problem}" for row in rows if row.problem]
    return "\n".join(text)


def _line(security: str, name: str, rows: Sequence[UaRow]) -> tuple[str, ...]:
    own = [row for row in rows if row.contender == name and not row.errors]
    against = ratio(rows, security, name)
    figures = [
        _middle([row.per_second for row in own]),
        _middle([row.cpu_us for row in own], ".1f"),
        against.words() if against else "",
        _middle([row.p50_us for row in own]),
        _middle([row.p99_us for row in own]),
        str(sum(row.errors for row in rows if row.contender == name)),
    ]
    return (security, name, *figures)


def _middle(values: Sequence[float], form: str = ",.0f") -> str:
    found = spread(values)
    return f"{found.middle:{form}}" if found else ""
