"""The site of a run: its policy permits the mix and forbids what the six rules forbid; its models are its own."""

import pytest

from bench.site import write_policy, write_site
from bench.trained import recording
from icsguard.core.clock import SECOND
from icsguard.core.decision import Decision, Mode
from icsguard.core.flow import Client
from icsguard.policy.decide import Judge
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.meaning import meaning
from icsguard.protocols.modbus.pdu import parse_request, parse_response
from icsguard.runtime.compiler import compile_now

NOW = 1_700_000_000 * SECOND


@pytest.fixture(scope="module")
def conduit(tmp_path_factory):
    return compile_now(write_site(tmp_path_factory.mktemp("site"), {"cell": (15_502, 15_503)})).settings.conduits[0]


def decision(conduit, pdu):
    judge = Judge(conduit.policy)
    client = Client("127.0.0.1", 1, judge.client("127.0.0.1"))
    return judge.decide(client, meaning(parse_request(1, pdu)), judge.memory(), NOW).decision


@pytest.mark.parametrize(
    "pdu",
    [
        build.read(3, 0, 100),
        build.read(3, 9900, 3),
        build.write_register(10_016, 5),
        build.write_registers(57_968, [1] * 16),
        build.write_register(9900, 600),
    ],
)
def test_the_mix_is_permitted(pdu, conduit):
    assert Mode.ENFORCE == conduit.mode
    assert Decision.ALLOW == decision(conduit, pdu)


@pytest.mark.parametrize(
    "pdu",
    [
        build.write_register(60_000, 0),
        build.write_registers(59_999, [1, 1]),
        build.write_coil(60_000, on=True),
        build.diagnostic(1),
        build.private(90),
    ],
)
def test_what_the_six_rules_forbid_is_refused(pdu, conduit):
    assert Decision.REFUSE == decision(conduit, pdu)


def test_thousands_of_rules_more_are_a_policy_too(tmp_path):
    config = write_site(tmp_path, {"cell": (15_502, 15_503)})
    write_policy(tmp_path, rules=300)
    many = compile_now(config).settings.conduits[0]
    assert len(many.policy.rules) > 300
    assert Decision.ALLOW == decision(many, build.read(3, 0, 100))


def test_the_recording_is_well_formed_and_always_the_same():
    first, second = (list(recording("cell", [(0, 10)], seconds=3)) for _ in range(2))
    assert first == second
    for one in first:
        request = parse_request(one.request[6], one.request[7:])
        assert None is parse_response(request, one.response[7:]).defect
    assert 3 * 100 == len(first)
