import pytest

from icsguard.config.policy_tests import run_cases

POLICY = """\
[clients]
hmi = ["10.0.0.21"]

[opcua.identities.operators]
clients = ["hmi"]
users = ["anna"]

[[opcua.rule]]
id = "ua"
clients = ["operators"]
preset = "operator"
methods = ["nsu=urn:plant;s=Start"]
"""
POINTS = "name,node,min,max,max_step\nspeed,nsu=urn:plant;s=Speed,0,80,10\n"
WHO = '[[case]]\nclient = "10.0.0.21"\nuser = "anna"\n'


@pytest.fixture
def results(policy):
    """Run cases on the policy; return whether each passed, what it got, and problems of the file."""

    def run(text):
        found, problems = run_cases(text, "c.toml", policy(POLICY, POINTS))
        return [(one.passed, one.got) for one in found], [str(one) for one in problems]

    return run


@pytest.mark.parametrize(
    "case",
    [
        'node = "read nsu=urn:plant;s=Speed"\nexpect = "allow"\nrule = "ua"',
        'node = "write speed = 80"\npresent = { speed = 75 }\nexpect = "allow"',
        """node = "write speed = 80.1"
present = { speed = 75 }
expect = "refuse"
reason = "value-above-max"
status = "BadOutOfRange"
""",
        'node = "write speed = 50"\nexpect = "refuse"\nreason = "value-unknown"\nrule = "speed"',
        'node = "call nsu=urn:plant;s=Start on i=85"\nexpect = "allow"',
        'node = "call nsu=urn:plant;s=Danger on i=85"\nexpect = "refuse"\nstatus = "BadUserAccessDenied"',
        'node = "service TransferSubscriptions"\nexpect = "refuse"\nreason = "service-not-permitted"',
        'node = "open session"\nexpect = "allow"',
        'node = "open session"\nsecurity = "None"\nexpect = "refuse"\nreason = "security-mode"',
    ],
)
def test_a_case_on_nodes_goes_through_the_real_judge(results, case):
    found, problems = results(f"{WHO}{case}\n")
    assert [] == problems
    assert [True] == [passed for passed, _ in found], found


def test_what_was_not_expected_is_told_with_the_status(results):
    ((passed, got),), _ = results(f'{WHO}node = "write speed = 90"\nexpect = "allow"\n')
    assert not passed
    assert "BadOutOfRange" in got


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        ('node = "fly"\nexpect = "allow"', "is no request"),
        ('node = "browse i=85"\nhex = "00"\nexpect = "allow"', "neither `request` nor `hex`"),
        ('node = "browse i=85"\nstatus = "Bad"\nexpect = "allow"', "no StatusCode"),
        ('node = "browse i=85"\npresent = { level = 1 }\nexpect = "allow"', "no point with a node"),
        ('expect = "allow"', "or `node` for OPC UA"),
    ],
)
def test_faults_of_a_case_are_told(results, case, problem):
    _, problems = results(f"{WHO}{case}\n")
    assert any(problem in one for one in problems), problems
