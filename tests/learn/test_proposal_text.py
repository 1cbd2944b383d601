import tomllib
from pathlib import Path

import pytest

from icsguard.config.load import check_file
from icsguard.config.points_csv import read_points
from icsguard.config.problem import Findings
from icsguard.core.clock import SECOND
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point, PointKind, WordOrder
from icsguard.core.transaction import Outcome, Transaction
from icsguard.learn.points import Enriched
from icsguard.learn.proposal_text import points_text, policy_text
from icsguard.learn.propose import Proposal, propose
from icsguard.learn.traffic import Traffic
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.runtime.places import rules_dir


@pytest.fixture
def proposal() -> Proposal:
    asked = [
        build.read(3, 0, 2),
        build.write_register(12, 5),
        build.write_coil(3, on=True),
        build.write_register(13, 7),
    ]
    found = []
    for number in range(11):
        pdu = asked[number % 4]
        values = (1, 2) if pdu[0] == 3 else ()
        answer = build.adu(1, 1, build.answer(parse_request(1, pdu), values))
        at = number * 600 * SECOND
        found.append(
            Transaction(number, "x", 1, "10.0.0.21", at, at + 1, build.adu(1, 1, pdu), answer, 0, Outcome.ANSWERED)
        )
    return propose(Traffic(tuple(found), {"adus": 22}, {}, "evil\nname.pcap"), "plc1")


def files(proposal: Proposal) -> dict[str, str]:
    packs = {f"shipped:{path.name}": path.read_text() for path in rules_dir().glob("*.toml")}
    return {"p.toml": policy_text(proposal), "p.csv": points_text(proposal.points), **packs}


def test_the_proposed_files_are_a_policy_without_any_fault(proposal):
    policy, problems = check_file(files(proposal), "p.toml", "p.csv")
    assert () == problems
    assert policy is not None
    assert {"read-10-0-0-21-u1", "write-10-0-0-21-u1-fc6", "write-10-0-0-21-u1-fc5"} == {
        rule.id for rule in policy.rules if not rule.pack
    }


def test_what_is_for_review_permits_nothing_and_becomes_a_rule_when_moved_up(proposal):
    text = policy_text(proposal)
    assert ["u1_holding_13"] == [name for item in proposal.review for name in item.rule.points]
    assert "u1_holding_13" not in str(tomllib.loads(text))
    moved = text.replace("#   ", "")
    assert "u1_holding_13" in str(tomllib.loads("\n".join(line for line in moved.splitlines() if ": " not in line)))


def test_each_rule_has_its_evidence_above_it(proposal):
    lines = policy_text(proposal).splitlines()
    for place, line in enumerate(lines):
        if line == "[[rule]]":
            assert lines[place - 1].startswith("# ")
            assert " times on " in lines[place - 1]


def test_text_of_the_site_can_not_leave_its_comment(proposal):
    assert not any(line.startswith("name.pcap") for line in policy_text(proposal).splitlines())


def test_a_point_list_reads_back_as_itself():
    points = (
        Point("plain", 1, Table.HOLDING, 5),
        Point(
            "full",
            2,
            Table.HOLDING,
            6,
            DataType.F32,
            WordOrder.CDAB,
            0.1,
            -5.0,
            'm, "x"',
            Limits(-1.5, 1e-7, 3.0, 0.25, 1_500_000_000, (1.0, 2.5)),
            0.0,
            4.5,
            atomic=False,
            kind=PointKind.SAFETY,
            max_age_ns=5_000_000_000,
            loop="LIC1",
            overlaps=("plain",),
        ),
        Point("bit", 1, Table.COIL, 0, DataType.BOOL),
        Point("mask", 1, Table.HOLDING, 9, limits=Limits(writable_mask=0xFF)),
    )
    findings = Findings()
    text = points_text([Enriched(point, "a note, with\na line") for point in points])
    assert points == tuple(read_points(text, "p.csv", findings).points)
    assert not findings.failed


def test_the_same_proposal_is_the_same_text(proposal):
    assert (policy_text(proposal), points_text(proposal.points)) == (
        policy_text(proposal),
        points_text(proposal.points),
    )
    assert Path(rules_dir() / "modbus-baseline.toml").is_file()
