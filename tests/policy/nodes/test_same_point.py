"""One point, two protocols: one limit holds whichever way it is written."""

import pytest

from icsguard.config.load import check_file
from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision
from icsguard.core.flow import Client
from icsguard.policy.decide import Judge
from icsguard.policy.nodes.judge import NodeJudge
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request

POLICY = """\
[clients]
hmi = ["10.0.0.21"]
[[rule]]
id = "registers"
clients = ["hmi"]
units = [1]
functions = [6]
points = ["speed"]
[opcua]
anonymous = true
[[opcua.rule]]
id = "nodes"
clients = ["hmi"]
services = ["Write"]
points = ["speed"]
"""
POINTS = """\
name,unit_id,table,address,type,scale,node,node_type,min,max,max_step
speed,1,holding,12,u16,0.1,nsu=urn:plant;s=Speed,Double,0,80,10
"""
NOW = 1_794_800_000 * SECOND


@pytest.mark.parametrize(
    ("value", "expected"),
    [(80.0, []), (80.1, ["value-above-max"]), (70.0, []), (69.9, ["step-too-large"]), (6_553.5, None)],
)
def test_registers_and_nodes_keep_the_same_limits(ua, value, expected):
    policy, problems = check_file({"p.toml": POLICY, "p.csv": POINTS}, "p.toml", "p.csv")
    assert () == problems
    registers, nodes = Judge(policy), NodeJudge(policy)
    words, names = registers.memory(), nodes.memory()
    words.seen(policy.points[0].table, 1, 12, (800,), NOW)
    names.seen("nsu=urn:plant;s=Speed", 80.0, NOW)
    asked = meaning(parse_request(1, build.write_register(12, round(value * 10))))
    one = registers.decide(Client("10.0.0.21"), asked, words, NOW)
    other = nodes.decide(ua.HMI, ua.write(("Speed", value)), names, NOW)
    codes = [reason.code for reason in one.reasons]
    assert codes == [reason.code for reason in other.reasons]
    assert one.decision is other.decision
    assert expected in (codes, None)
    assert (Decision.ALLOW is one.decision) == (expected == [])
