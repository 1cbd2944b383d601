"""`icsguard policy test`: requests with their expected fate, run through the real codec and the real judge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Final

from icsguard.config.moments import parse_moment
from icsguard.config.node_tests import beside_everything, verdict_of
from icsguard.config.policy_file import read_pack
from icsguard.config.policy_schema import CaseSection, CasesFile
from icsguard.config.problem import Findings, Problem
from icsguard.config.request_words import request_of
from icsguard.config.shape import read
from icsguard.core.decision import Decision, Layer
from icsguard.core.defect import Defect
from icsguard.core.flow import Client
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.core.registers import words_of
from icsguard.core.verdict import Reason, Verdict
from icsguard.policy.decide import Judge
from icsguard.policy.memory import Memory
from icsguard.policy.rules import ClientGroup, Policy, Rule, Service
from icsguard.policy.words import parse_target
from icsguard.protocols.modbus.functions import ENGINEER
from icsguard.protocols.modbus.mbap import Framer
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.protocols.opcua.status import STATUS, status_name

MONDAY_NOON: Final = parse_moment("2026-01-05T12:00:00Z")
MAX_CASES: Final = 10_000  # tests of one file; they run in about a second


@dataclass(frozen=True, slots=True)
class CaseResult:
    """What became of one case."""

    name: str
    file: str
    line: int
    passed: bool
    request: str
    expected: str
    got: str
    """Decision, reply and reasons, as one line."""
    reasons: tuple[Reason, ...] = ()


def run_cases(
    text: str, file: str, policy: Policy, *, serial: bool = False, quirks: frozenset[str] = frozenset()
) -> tuple[tuple[CaseResult, ...], tuple[Problem, ...]]:
    """Run a file of cases against a policy; return the results, and what is wrong with the file itself."""
    findings = Findings()
    model, lines, _ = read(text, file, CasesFile, findings)
    judge = Judge(policy, serial=serial, quirks=quirks)
    results = []
    for index, case in enumerate(model.case[:MAX_CASES] if model else ()):
        line = lines.at("case", index)
        try:
            results.append(_result(case, file, line, _Stand(policy, judge, quirks)))
        except ValueError as error:
            findings.error(file, line, f"case {case.name or index + 1}: {error}")
    return tuple(results), findings.all()


def run_pack(text: str, file: str) -> tuple[tuple[CaseResult, ...], tuple[Problem, ...]]:
    """Run a rule pack's own cases on top of a policy that permits everything an engineer may do."""
    findings = Findings()
    rules, nodes, model = read_pack(text, file, findings)
    taken = {service for rule in rules for service in rule.services}
    open_rule = Rule("everything", (), (1,), tuple(sorted(Service(*s) for s in ENGINEER if Service(*s) not in taken)))
    groups = (ClientGroup("all", ("0.0.0.0/0", "::/0")),)
    policy = Policy(groups=groups, rules=(open_rule, *rules), opcua=beside_everything(nodes))
    judge = Judge(policy)
    results = []
    for case in model.case if model else ():
        try:
            results.append(_result(case, file, 0, _Stand(policy, judge, frozenset())))
        except ValueError as error:
            findings.error(file, 0, f"case {case.name}: {error}")
    return tuple(results), findings.all()


@dataclass(frozen=True, slots=True)
class _Stand:
    policy: Policy
    judge: Judge
    quirks: frozenset[str]

    @property
    def points(self) -> Mapping[str, Point]:
        return {point.name: point for point in self.policy.points}


def _result(case: CaseSection, file: str, line: int, stand: _Stand) -> CaseResult:
    if case.node:
        return _node_result(case, file, line, stand.policy)
    unit, pdu, framing = _bytes_of(case, stand)
    request = parse_request(unit, pdu, stand.quirks)
    defect = framing or request.defect
    if defect is not None and defect.reply:
        verdict = _refusal(defect)
    else:
        now = parse_moment(case.at) if case.at else MONDAY_NOON
        memory = stand.judge.memory()
        _remember(case, stand, unit, memory, now)
        verdict = stand.judge.decide(Client(_client(case)), meaning(request), memory, now)
    expected = " ".join(part for part in (case.expect, case.reason, case.rule, _reply(case.reply)) if part)
    name = case.name or case.request or case.hex
    return CaseResult(
        name, file, line, _agrees(case, verdict), case.request or case.hex, expected, _told(verdict), verdict.reasons
    )


def _node_result(case: CaseSection, file: str, line: int, policy: Policy) -> CaseResult:
    if case.request or case.hex or case.reply is not None:
        raise ValueError("a case on nodes has neither `request` nor `hex` nor `reply`: its answer is a `status`")
    if case.status and case.status not in STATUS:
        raise ValueError(f"{case.status!r} is no StatusCode")
    now = parse_moment(case.at) if case.at else MONDAY_NOON
    verdict = verdict_of(case.model_copy(update={"client": _client(case)}), policy, now)
    agrees = _agrees(case, verdict) and (not case.status or STATUS[case.status] == verdict.reply)
    expected = " ".join(part for part in (case.expect, case.reason, case.rule, case.status) if part)
    told = _told(replace(verdict, reply=0))
    got = f"{told} {status_name(verdict.reply)}" if verdict.reply else told
    return CaseResult(case.name or case.node, file, line, agrees, case.node, expected, got, verdict.reasons)


def _bytes_of(case: CaseSection, stand: _Stand) -> tuple[int, bytes, Defect | None]:
    if bool(case.request) == bool(case.hex):
        raise ValueError("write either `request` in words or `hex`, or `node` for OPC UA")
    if case.request:
        return *request_of(case.request, stand.points), None
    framer = Framer()
    frames = framer.feed(bytes.fromhex(case.hex))
    if framer.fatal is not None or len(frames) != 1 or framer.pending:
        what = framer.fatal.text if framer.fatal else f"{len(frames)} whole requests, {framer.pending} bytes left over"
        raise ValueError(f"`hex` must be exactly one ADU: {what}")
    return frames[0].unit, frames[0].pdu, frames[0].defect


def _client(case: CaseSection) -> str:
    try:
        return str(ip_address(case.client))
    except ValueError as error:
        raise ValueError(f"client {case.client!r} is no address: tests are written for one client") from error


def _remember(case: CaseSection, stand: _Stand, unit: int, memory: Memory, now: int) -> None:
    for name, value in case.present.items():
        point = stand.points.get(name)
        if point is not None:
            memory.seen(point.table, point.unit_id, point.address, words_of(point, value), now)
            continue
        target = parse_target(name)
        if target.table is Table.FILE or value != int(value):
            raise ValueError(f"present {name!r}: a bare element holds a whole number")
        memory.seen(target.table, unit, target.span.first, (int(value),), now)


def _refusal(defect: Defect) -> Verdict:

    reason = Reason(Layer.GRAMMAR, defect.code, defect.text, Decision.REFUSE, reply=defect.reply)
    return Verdict(Decision.REFUSE, Decision.REFUSE, (reason,), defect.reply)


def _agrees(case: CaseSection, verdict: Verdict) -> bool:
    named = {verdict.rule} | {reason.rule for reason in verdict.reasons} | {reason.point for reason in verdict.reasons}
    return (
        verdict.decision.name.lower() == case.expect
        and (not case.reason or case.reason in {reason.code for reason in verdict.reasons})
        and (not case.rule or case.rule in named)
        and (case.reply is None or case.reply == verdict.reply)
    )


def _told(verdict: Verdict) -> str:
    words = [verdict.decision.name.lower(), _reply(verdict.reply), f"by {verdict.rule}" if verdict.rule else ""]
    told = " ".join(word for word in words if word)
    reasons = "; ".join(f"{reason.code}: {reason.text}" for reason in verdict.reasons)
    return f"{told} ({reasons})" if reasons else told


def _reply(code: int | None) -> str:
    return f"reply 0x{code:02X}" if code else ""
