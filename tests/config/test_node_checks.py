import pytest

from icsguard.config.settings import Settings

MAIN = """\
[gateway]
state = "state"

[conduit.mixer]
protocol = "opcua"
listen = "0.0.0.0:4840"
device = "10.1.0.7:4840"
mode = "enforce"
policy = "p.toml"
points = "p.csv"
"""
POLICY = """\
[clients]
hmi = ["10.0.0.21"]

[opcua.namespaces]
plant = "urn:plant"

[opcua.identities.operators]
clients = ["hmi"]
users = ["anna"]

[[opcua.rule]]
id = "watch"
clients = ["operators"]
preset = "monitoring"

[[opcua.rule]]
id = "pump"
clients = ["operators"]
services = ["Write"]
points = ["speed"]
"""
POINTS = """\
name,unit_id,table,address,node,min,max
speed,,,,nsu=urn:plant;s=Speed,0,80
level,1,input,0,,,
"""


@pytest.fixture
def of_nodes(told):
    """Check the good configuration of an OPC UA conduit with texts changed."""

    def check(*changes, main=MAIN, policy=POLICY, points=POINTS):
        for old, new in changes:
            assert old in main + policy + points
            main, policy, points = (text.replace(old, new) for text in (main, policy, points))
        return told(main=main, policy=policy, points=points)

    return check


STARTS = (
    'services = ["Write"]\npoints = ["speed"]',
    'services = ["Call"]\nmethods = ["plant:s=Start"]\nsets = [{ point = "speed", argument = 0 }]',
)
AGAIN = """
[[opcua.rule]]
id = "again"
clients = ["operators"]
services = ["Call"]
methods = ["plant:s=Start"]
sets = [{ point = "speed", value = 5 }]
"""


def test_a_method_is_declared_once(of_nodes):
    settings, problems = of_nodes(STARTS)
    assert [] == problems
    assert "nsu=urn:plant;s=Start" == settings.conduits[0].policy.opcua.methods()[0].node
    _, problems = of_nodes(STARTS, policy=POLICY + AGAIN)
    assert any("say different things of what nsu=urn:plant;s=Start sets" in line for line in problems)
    apart = AGAIN + 'objects = ["plant:s=P2"]\n'
    here = (STARTS[0], STARTS[1] + '\nobjects = ["plant:s=P1"]')
    assert [] == of_nodes(here, policy=POLICY + apart)[1]


@pytest.mark.parametrize(("name", "text"), [("sped", "did you mean 'speed'?"), ("level", "'level' has no node")])
def test_a_method_sets_points_that_there_are(of_nodes, name, text):
    _, problems = of_nodes((STARTS[0], STARTS[1].replace('"speed"', f'"{name}"')))
    assert any(text in line for line in problems)


def test_a_method_sets_numbers_and_switches(of_nodes):
    points = POINTS.replace("node,min,max", "node,node_type,min,max").replace("s=Speed,0,80", "s=Speed,String,,")
    _, problems = of_nodes(STARTS, points=points.replace("0,,,", "0,,,,"))
    assert any("'speed' is a String, neither number nor switch" in line for line in problems)


def test_a_good_configuration_has_its_rules_points_and_options(of_nodes):
    settings, problems = of_nodes()
    assert [] == problems
    assert isinstance(settings, Settings)
    conduit = settings.conduits[0]
    assert ["watch", "pump"] == [rule.id for rule in conduit.policy.opcua.rules]
    assert ["speed"] == [point.name for point in conduit.policy.points]  # with a place that twin and learning know
    assert conduit.policy.points == conduit.policy.opcua.points
    assert conduit.policy.points[0].in_registers
    assert conduit.opcua.pki.endswith("/state/pki")


RULE = '\n[[opcua.rule]]\nid = "more"\nclients = ["operators"]\n'


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ([('clients = ["operators"]\nservices', 'clients = ["operator"]\nservices')], "did you mean 'operators'?"),
        ([('points = ["speed"]', 'points = ["sped"]')], "did you mean 'speed'?"),
        ([('points = ["speed"]', 'points = ["level"]')], "the point 'level' has no node"),
        ([('id = "pump"', 'id = "watch"')], "the id 'watch' is used twice"),
        ([('clients = ["hmi"]', 'clients = ["hni"]')], "unknown client group 'hni'"),
        ([("identities.operators", "identities.hmi"), ('"operators"', '"hmi"')], "'hmi' is a client group already"),
        ([('points = ["speed"]', 'points = ["speed"]\nmethods = ["plant:s=Go"]')], "but not the service Call"),
        ([('["Write"]', '["Call"]'), ('points = ["speed"]', "")], "it calls nothing"),
        ([('["Write"]', '["AddNodes"]'), ('points = ["speed"]', "")], "permits AddNodes everywhere"),
        (
            [
                (
                    'points = ["speed"]',
                    f'points = ["speed"]\n{RULE}services = ["Write"]\npoints = ["speed"]\naction = "hold"',
                )
            ],
            "speak of the same nodes",
        ),
        ([('mode = "enforce"', 'mode = "enforce"\nquirks = ["unit_ignored"]')], "quirks is a matter of Modbus"),
        ([('mode = "enforce"', 'mode = "enforce"\nlinks = 1')], "links is a matter of Modbus"),
        (
            [("[conduit.mixer]", '[conduit.mixer]\nopcua = { way = "passthrough" }')],
            "a denial cannot be answered on a signed or encrypted channel",
        ),
        ([('protocol = "opcua"', 'opcua = { way = "terminate" }')], "[conduit.mixer.opcua] means nothing"),
        ([('protocol = "opcua"', 'protocol = "opc-ua"')], "did you mean 'opcua'?"),
        ([('"monitoring"', '"monitoring"\nnodes = ["ns=2;s=A"]')], "by index"),
    ],
)
def test_what_does_not_hold_together_is_told_with_its_line(of_nodes, changes, problem):
    settings, problems = of_nodes(*changes)
    assert settings is None
    assert any(problem in one for one in problems), problems
    assert all(":0:" not in one for one in problems)


def test_a_policy_without_a_permit_of_nodes_is_not_enforced(of_nodes):
    _, problems = of_nodes((POLICY, '[opcua]\nsecurity = "Sign"\n'))
    assert any("enforces a policy without a permit" in one for one in problems)


def test_a_rule_on_registers_cannot_name_a_point_of_a_node(of_nodes):
    rule = '\n[[rule]]\nid = "reg"\nclients = ["hmi"]\nunits = [1]\nfunctions = [6]\npoints = ["speed"]\n'
    _, problems = of_nodes((POLICY, POLICY + rule))
    assert any("lives in a node, not in registers" in one for one in problems), problems


def test_a_write_that_reaches_nothing_is_warned_of(of_nodes):
    _, problems = of_nodes(('points = ["speed"]', ""), (POINTS, "name,unit_id,table,address\nlevel,1,input,0\n"))
    assert any("it writes nothing" in one for one in problems), problems


def test_values_that_are_not_looked_into_are_warned_of_where_they_open_a_namespace(of_nodes):
    _, problems = of_nodes(('points = ["speed"]', 'nodes = ["plant:*"]\nstructures = true'))
    assert any("opens a whole namespace" in one for one in problems), problems


def test_where_no_policy_is_named_the_points_are_still_known(told):
    settings, _ = told(main=MAIN.replace("enforce", "observe").replace('policy = "p.toml"\n', ""), points=POINTS)
    assert ["speed"] == [point.name for point in settings.conduits[0].policy.opcua.points]


def test_a_pack_names_what_is_refused_anyway_and_the_site_outranks_it(of_nodes):
    packed, problems = of_nodes((POLICY, f'packs = ["opcua-baseline"]\n{POLICY}'))
    assert [] == problems
    rules = {rule.id: rule for rule in packed.conduits[0].policy.opcua.rules}
    assert "opcua-baseline" == rules["ua-cancel"].pack
    named, _ = of_nodes(
        (POLICY, f'packs = ["opcua-baseline"]\n{POLICY}'), ('services = ["Write"]', 'services = ["Write", "Cancel"]')
    )
    assert "ua-cancel" not in {rule.id for rule in named.conduits[0].policy.opcua.rules}


def test_an_unknown_technique_is_told_with_its_line(of_nodes):
    _, problems = of_nodes(('points = ["speed"]', 'points = ["speed"]\ntechnique = "T9999"'))
    assert any("unknown technique 'T9999'" in one and ":0:" not in one for one in problems), problems
