"""A record told in sentences: what happened, who asked, why it was decided so, and what to type next.

Everything comes from the record itself, so the same explanation can be made again years later from a file.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from icsguard.cli.moments import date_and_time
from icsguard.control.replies import Explained
from icsguard.core.finding import Contribution, Finding
from icsguard.core.record import Record, RecordKind, Severity
from icsguard.core.verdict import Reason
from icsguard.protocols.modbus.exceptions import exception_name
from icsguard.protocols.registry import PROTOCOLS

NEXT: Final = "  next: "
"""Before each command that the operator may want to type."""
MAX_CONTRIBUTIONS: Final = 5  # the rest adds little; --json has all

_RUN: Final = re.compile(r"[a-z]+ [0-9]+(\.\.[0-9]+)?")
"""The first run of elements in a record's target, `holding 100..101`."""
_ACTED: Final = {
    "allow": "icsguard let it pass.",
    "alert": "icsguard let it pass and raised this alert.",
    "hold": "It was held: the client was told to try later, and a human decides.",
    "refuse": "It was refused.",
    "isolate": "It was refused, and the client was cut off.",
}
_OUTCOMES: Final = {
    "answered": "The device saw the request and answered.",
    "exception": "The device saw the request and answered with an exception of its own.",
    "refused": "The device never saw the request.",
    "unreachable": "The device could not be reached; it never saw the request.",
    "timed_out": "The device saw the read and did not answer in time; nothing changed.",
    "unknown": "The device was given the write and did not confirm it: it may have happened. Check the plant.",
    "no_answer_due": "The request was forwarded; the protocol defines no answer to it.",
    "dropped": "The bytes were no request of this protocol and were discarded; the device never saw them.",
    "abandoned": "The client left before the device answered.",
}
_FAILOVERS: Final = {
    "policy_alone": "The shadow gave no opinion in time, so policy alone decided (failure policy: policy_alone).",
    "refuse": "The shadow gave no opinion in time, so the write was refused (failure policy: refuse).",
}
_TICKETS: Final = {
    "open": "It waits for a decision.",
    "approved": "It was approved; the client's next identical request passes once.",
    "denied": "It was denied.",
    "used": "It was approved, and the request has passed.",
    "expired": "Nobody decided in time; it stays refused.",
}


class Paragraph(NamedTuple):
    """A line of the explanation with its colour."""

    text: str
    style: str = ""


def paragraphs(reply: Explained) -> list[Paragraph]:
    """Return the explanation of a record, line by line."""
    record = reply.record
    texts = [
        Paragraph(headline(record, reply.wall_shift), "bold"),
        Paragraph(record.text),
        *map(Paragraph, asked(record)),
        *(Paragraph(f"  why: {because(reason)}") for reason in record.reasons),
        *(Paragraph(line) for finding in record.findings for line in found(finding)),
        *map(Paragraph, fate(record)),
        *map(Paragraph, afterwards(reply)),
        *(Paragraph(f"  {name}: {value}") for name, value in record.facts.items()),
        *map(Paragraph, provenance(record)),
        *(Paragraph(NEXT + command, "cyan") for command in next_commands(reply)),
    ]
    return [paragraph for paragraph in texts if paragraph.text]


def headline(record: Record, wall_shift: int) -> str:
    """Return the first line: which record, when, how grave, how often."""
    often = f", {record.repeated} times" if record.repeated > 1 else ""
    where = f" on {record.conduit}" if record.conduit else ""
    return f"{record.id}  {date_and_time(record.at, wall_shift)}  {record.severity}  {record.kind}{where}{often}"


def asked(record: Record) -> list[str]:
    """Return who asked for what, in words and in both ways of counting addresses."""
    if not record.client:
        return []
    what = described(record) or record.target
    if not what or what in record.text:
        return [f"Client {record.client}."]
    return [f"Client {record.client} asked {record.conduit or 'the device'}: {what}."]


def described(record: Record) -> str:
    """Return the request in words, from its recorded bytes; empty where they were not kept as one whole frame."""
    codec = PROTOCOLS.get(record.protocol)
    try:
        frames = codec.framing().feed(bytes.fromhex(record.request)) if codec else []
    except ValueError:  # cut or edited hex: the rest of the record still explains
        return ""
    return codec.describe(frames[0].raw) if codec and len(frames) == 1 else ""


def because(reason: Reason) -> str:
    """Return one ground of a verdict."""
    numbers = ""
    if reason.value is not None and reason.limit is not None:
        numbers = f" [{reason.value:g} against {reason.limit:g}]"
    named = f" ({reason.layer}, {reason.rule or reason.code})"
    return f"{reason.text.rstrip('.')}{numbers}{named}"


def found(finding: Finding) -> list[str]:
    """Return one detector's opinion: sentence, score, numbers, contributions, harmless cause."""
    score = f" [score {finding.score:.3g}, threshold {finding.threshold:.3g}]" if finding.threshold else ""
    lines = [f"  {finding.detector}: {finding.text.rstrip('.')}{score}"]
    if finding.facts:
        lines.append("    numbers: " + ", ".join(f"{name} {value:.4g}" for name, value in finding.facts.items()))
    if finding.contributions:
        heaviest = sorted(finding.contributions, key=lambda part: -part.share)[:MAX_CONTRIBUTIONS]
        lines.append("    contributions: " + " | ".join(map(contribution, heaviest)))
    if finding.harmless_cause:
        lines.append(f"    a false alarm would look like: {finding.harmless_cause}")
    return lines


def contribution(part: Contribution) -> str:
    """Return how much one thing added, with what was seen and expected."""
    share = f"{part.name} {part.share:.0%}"
    if part.seen is None or part.expected is None:
        return share
    return f"{share} (seen {part.seen:.4g}, expected {part.expected:.4g}{' ' + part.unit if part.unit else ''})"


def fate(record: Record) -> list[str]:
    """Return what was done, whether the device saw it, and what the client was told."""
    lines = []
    if record.decision in _ACTED and record.kind is not RecordKind.MALFORMED:
        mode = f" (mode {record.mode})" if record.mode else ""
        lines.append(_ACTED[record.decision] + mode)
    if record.would_be and record.would_be != record.decision:
        lines.append(f"With every rule in force it would have been: {record.would_be}.")
    lines.append(_FAILOVERS.get(record.failure_policy, ""))
    lines.append(_OUTCOMES.get(record.outcome.lower(), ""))
    if record.reply:
        lines.append(f"The client was answered with exception {exception_name(record.reply)}; its connection lives.")
    return lines


def afterwards(reply: Explained) -> list[str]:
    """Return what became of it since."""
    lines = []
    if reply.record.ticket:
        lines.append(f"Ticket {reply.record.ticket}. {_TICKETS.get(reply.ticket_state, '')}".strip())
    if reply.isolated:
        lines.append(f"Client {reply.record.client} is isolated now.")
    return lines


def provenance(record: Record) -> list[str]:
    """Return which technique it matches and which policy and models judged."""
    facts = {
        "ATT&CK for ICS": record.technique,
        "policy": record.policy_digest[:12],
        "models": record.model_digest[:12],
        "latency": f"{record.latency_us / 1000:.2f} ms" if record.latency_us else "",
        "request": record.request,
    }
    shown = [f"{name} {value}" for name, value in facts.items() if value]
    return [f"  {', '.join(shown)}"] if shown else []


def next_commands(reply: Explained) -> list[str]:
    """Return what the operator may want to type now."""
    record = reply.record
    because_of = f"-r {record.id}"
    if record.ticket and reply.ticket_state in {"", "open"}:
        return [f"icsguard approve {record.ticket} {because_of}", f"icsguard deny {record.ticket} {because_of}"]
    if not record.client:
        return ["icsguard status"]
    if reply.isolated:
        return [f"icsguard release {record.client} {because_of}"]
    commands = []
    if record.severity in {Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL}:
        commands.append(f"icsguard isolate {record.client} --for 30m {because_of}")
    if record.decision in {"refuse", "hold"} and record.conduit:
        commands.append(if_expected(record))
    return commands or [f"icsguard records --client {record.client}"]


def if_expected(record: Record) -> str:
    """Return what to do where the request was right: a grant, or another limit where a limit stood against it."""
    if any(reason.limit is not None for reason in record.reasons):
        return "if the limit is wrong: correct it in the point list, then icsguard policy apply -r ..."
    points = sorted({reason.point for reason in record.reasons if reason.point})
    run = _RUN.match(record.target)
    what = [f"--point {point}" for point in points] or ([f'--range "{run[0]}"'] if run else ["--function ..."])
    return f"if it was expected: icsguard grant add {record.conduit} {record.client} --for 1h {what[0]} -r {record.id}"
