"""The whole configuration: icsguard.toml with the policies and point lists it names, as settings or as problems.

Pure: the caller reads the files (`runtime.files`) and hands in their texts, named as icsguard.toml names them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from hashlib import sha256
from typing import Final

import msgspec

from icsguard.config.endpoint import host_and_port
from icsguard.config.main_checks import OPCUA, Place, check_main
from icsguard.config.node_checks import check_nodes
from icsguard.config.node_places import placed
from icsguard.config.opcua_section import ConduitOpcuaSection, ua_settings
from icsguard.config.points_checks import check_points
from icsguard.config.points_csv import PointList, read_points
from icsguard.config.policy_checks import check_policy
from icsguard.config.policy_file import Draft, read_policy
from icsguard.config.problem import Findings, Problem, Problems
from icsguard.config.schema import ConduitSection, GatewaySection, MainFile
from icsguard.config.settings import (
    Conduit,
    Downstream,
    Framing,
    GatewaySettings,
    IsolationSettings,
    RecorderSettings,
    Settings,
    ShadowSettings,
    SyslogSettings,
    UaSettings,
)
from icsguard.config.shape import read
from icsguard.config.techniques_file import TECHNIQUES, check_techniques
from icsguard.config.toml_lines import Lines
from icsguard.core.decision import FailurePolicy, Mode
from icsguard.policy.nodes.rules import NodePolicy
from icsguard.policy.rules import Policy

__all__ = ["Problem", "Problems", "check", "load", "referenced"]

_SAME: Final = (
    "protocol",
    "judge_deadline_ms",
    "device_timeout_ms",
    "connect_timeout_ms",
    "idle_timeout_s",
    "incomplete_timeout_s",
    "max_clients",
    "max_in_flight",
    "links",
    "device_in_flight",
    "coalesce",
    "connect_delay_ms",
    "min_gap_ms",
    "max_pdu",
    "hold_ttl_s",
)
"""Keys of a conduit that mean the same in file and settings."""


def referenced(text: str) -> list[str]:
    """Return the files that icsguard.toml names (policies, point lists), as written there; none where it is broken."""
    try:
        conduits = tomllib.loads(text).get("conduit", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    tables = conduits.values() if isinstance(conduits, dict) else []
    named = [table.get(key) for table in tables if isinstance(table, dict) for key in ("policy", "points")]
    return sorted({name for name in named if isinstance(name, str) and name})


def load(files: Mapping[str, str], main: str) -> Settings | Problems:
    """Return the settings that the files say, or all their errors. `main`: the absolute path of icsguard.toml."""
    settings, problems = check(files, main)
    if settings is not None:
        return settings
    errors = Findings()
    for problem in problems:
        errors.note(problem)
    return errors.as_problems()


def check(files: Mapping[str, str], main: str) -> tuple[Settings | None, tuple[Problem, ...]]:
    """Return the settings, None where there are errors; and every error and warning."""
    findings = Findings()
    model, lines, complete = read(files[main], main, MainFile, findings)
    if model is None:
        _judge_the_rest(files, main, findings)
        return None, findings.all()
    parts = {name: _Policies(files, main, lines, findings).of(name, section) for name, section in model.conduit.items()}
    if complete:
        known = {name: policy if draft.complete else None for name, (policy, draft) in parts.items()}
        check_main(model, known, Place(main, lines), findings)
    if findings.failed:
        return None, findings.all()
    state = _beside(main, model.gateway.state)
    conduits = tuple(
        _of_nodes(_conduit(name, section, parts[name][0]), _opcua(section, main, state))
        for name, section in model.conduit.items()
    )
    settings = _settings(model, conduits, main)
    return replace(settings, digest=_digest(settings)), findings.all()


def check_file(files: Mapping[str, str], policy: str, points: str = "") -> tuple[Policy | None, tuple[Problem, ...]]:
    """Return one policy file with its point list, judged on their own; None where there are errors."""
    findings = Findings()
    made, _ = _read_both(files, policy, points, findings)
    return (None if findings.failed else made), findings.all()


class _Policies:
    """Reads the policy and the points of each conduit."""

    __slots__ = ("_files", "_findings", "_lines", "_main")

    def __init__(self, files: Mapping[str, str], main: str, lines: Lines, findings: Findings) -> None:
        self._files, self._main, self._lines, self._findings = files, main, lines, findings

    def of(self, name: str, section: ConduitSection) -> tuple[Policy, Draft]:
        for key, file in (("policy", section.policy), ("points", section.points)):
            if file and file not in self._files:
                line = self._lines.at("conduit", name, key)
                self._findings.error(self._main, line, f"cannot read {file!r}", f"icsguard learn {name} writes it")
        return _read_both(self._files, section.policy, section.points, self._findings)


def _read_both(files: Mapping[str, str], policy: str, points: str, findings: Findings) -> tuple[Policy, Draft]:
    found = read_points(files[points], points, findings) if points in files else PointList(points)
    found.complete = found.complete and (not points or points in files)
    check_points(found, findings)
    known = tuple(found.points)
    if policy not in files:
        return _stamped(Draft(policy).policy(known)), Draft(policy, complete=not policy)
    draft = read_policy(files[policy], policy, files, findings)
    if draft.complete:
        check_policy(draft, known, points_complete=found.complete, findings=findings)
        check_nodes(draft, known, points_complete=found.complete, findings=findings)
        check_techniques(draft, files.get(TECHNIQUES), findings)
    return _stamped(draft.policy(known)), draft


def _judge_the_rest(files: Mapping[str, str], main: str, findings: Findings) -> None:
    """Find the faults of the other files even where icsguard.toml itself is broken."""
    try:
        conduits = tomllib.loads(files[main]).get("conduit", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return
    for table in conduits.values() if isinstance(conduits, dict) else []:
        if isinstance(table, dict):
            policy, points = (str(table.get(key, "")) for key in ("policy", "points"))
            _read_both(files, policy, points, findings)


def _conduit(name: str, section: ConduitSection, policy: Policy) -> Conduit:
    listen, device = host_and_port(section.listen), host_and_port(section.device)
    same = {key: getattr(section, key) for key in _SAME}
    return Conduit(
        name=name,
        listen_host=listen[0],
        listen_port=listen[1],
        device_host=device[0],
        device_port=device[1],
        downstream=Downstream(section.downstream),
        mode=Mode(section.mode),
        policy=policy,
        quirks=tuple(section.quirks),
        framing=Framing(section.framing),
        failure=FailurePolicy(section.failure),
        isolation=IsolationSettings(
            section.isolation.auto,
            section.isolation.threshold,
            section.isolation.seconds,
            tuple(section.isolation.never),
        ),
        **same,
    )


def _opcua(section: ConduitSection, main: str, state: str) -> UaSettings | None:
    if section.protocol != OPCUA:
        return None
    return ua_settings(section.opcua or ConduitOpcuaSection(), section.device, partial(_beside, main), state)


def _of_nodes(conduit: Conduit, opcua: UaSettings | None) -> Conduit:
    """Give a conduit of OPC UA its options, and its points their places in the map that twin and learning know."""
    if opcua is None:
        return conduit
    nodes = conduit.policy.opcua or NodePolicy()
    points = placed(nodes.points)
    policy = replace(conduit.policy, points=points, opcua=replace(nodes, points=points))
    return replace(conduit, policy=policy, opcua=opcua)


def _settings(model: MainFile, conduits: tuple[Conduit, ...], main: str) -> Settings:
    gateway, recorder, shadow = model.gateway, model.recorder, model.shadow
    state = _beside(main, gateway.state)
    return Settings(
        gateway=_gateway(gateway, main, state),
        conduits=conduits,
        recorder=RecorderSettings(
            path=_beside(main, recorder.path) if recorder.path else f"{state}/records/records.jsonl",
            max_bytes=recorder.max_bytes,
            keep=recorder.keep,
            syslog=SyslogSettings(**recorder.syslog.model_dump()) if recorder.syslog else None,
            summary_every_s=recorder.summary_every_s,
            journal_max_bytes=recorder.journal_max_bytes,
        ),
        shadow=ShadowSettings(
            models_dir=_beside(main, shadow.models) if shadow.models else f"{state}/models",
            horizon_s=shadow.horizon_s,
            score_every_s=shadow.score_every_s,
            alarms_per_day=shadow.alarms_per_day,
        ),
        source=main,
    )


def _gateway(section: GatewaySection, main: str, state: str) -> GatewaySettings:
    run = _beside(main, section.run)
    socket = _beside(main, section.control_socket) if section.control_socket else f"{run}/control.sock"
    return GatewaySettings(section.name, state, run, socket, tuple(section.operators), tuple(section.viewers))


def _beside(main: str, path: str) -> str:
    """Return a path as seen from icsguard.toml's folder."""
    folder = main.rpartition("/")[0]
    whole = path if path.startswith("/") or not folder else f"{folder}/{path}"
    return whole.rstrip("/") or "/"


def _stamped(policy: Policy) -> Policy:
    bare = replace(policy, digest="", source="")
    return replace(policy, digest=sha256(msgspec.json.encode(bare)).hexdigest())


def _digest(settings: Settings) -> str:
    return sha256(msgspec.json.encode(replace(settings, digest="", source=""))).hexdigest()
