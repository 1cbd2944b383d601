import pytest

from icsguard.config.diff import differences

HEAD = """\
[clients]
hmi = ["10.0.0.21"]

[opcua]
security = "Sign"

[opcua.namespaces]
plant = "urn:plant"

[opcua.limits]
items = 100
sampling_ms = 50

[opcua.identities.operators]
users = ["anna"]

"""
RULE = """\
[[opcua.rule]]
id = "ua"
clients = ["operators"]
services = ["Write", "Call"]
nodes = ["plant:s=A"]
methods = ["plant:s=Start"]
"""
POINTS = "name,node,min,max\nspeed,nsu=urn:plant;s=Speed,0,80\n"
A = "nsu=urn:plant;s=A"


@pytest.fixture
def told(policy):
    """Return what changes, as (effect, sentence), when the text of the policy or its points does."""

    def compare(*changes, points=POINTS):
        before, after = HEAD + RULE, HEAD + RULE
        for old, new in changes:
            assert old in after
            after = after.replace(old, new)
        return [(one.effect.value, one.text) for one in differences(policy(before, POINTS), policy(after, points))]

    return compare


def test_the_same_said_differently_is_no_difference(told):
    assert [] == told(('nodes = ["plant:s=A"]', f'nodes = ["{A}"]'), ('id = "ua"', 'id = "other"'))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            [('"plant:s=A"]', '"plant:s=A", "plant:s=B*"]')],
            [("permits", "operators may now use Write on nsu=urn:plant;s=B*")],
        ),
        (
            [('methods = ["plant:s=Start"]', 'methods = ["plant:s=Stop"]')],
            [
                ("permits", "operators may now use Call on method nsu=urn:plant;s=Stop"),
                ("forbids", "operators may no longer use Call on method nsu=urn:plant;s=Start"),
            ],
        ),
        (
            [('services = ["Write", "Call"]', 'services = ["Call"]\nsets = [{ point = "speed", argument = 0 }]')],
            [
                ("permits", "operators may now use Call on method nsu=urn:plant;s=Start (sets speed to argument 1)"),
                ("forbids", f"operators may no longer use Write on {A}"),
                ("forbids", "operators may no longer use Call on method nsu=urn:plant;s=Start"),
            ],
        ),
        (
            [('nodes = ["plant:s=A"]', 'nodes = ["plant:s=A"]\nmax = 5\nrate = "3/s"')],
            [
                ("permits", f"operators may now use Write on {A} (values to 5, 3/s)"),
                ("permits", "operators may now use Call on method nsu=urn:plant;s=Start (values to 5, 3/s)"),
                ("forbids", f"operators may no longer use Write on {A}"),
                ("forbids", "operators may no longer use Call on method nsu=urn:plant;s=Start"),
            ],
        ),
        (
            [(RULE, f'{RULE}\n[[opcua.rule]]\nid = "no"\nclients = ["*"]\nservices = ["Read"]\naction = "deny"\n')],
            [("forbids", "everyone is denied to use Read on every node")],
        ),
        ([('"Sign"', '"None"')], [("permits", "weakest security of a session: Sign -> None")]),
        (
            [('security = "Sign"', 'security = "Sign"\nanonymous = true')],
            [("permits", "sessions without a user are now admitted")],
        ),
        ([("items = 100", "items = 200")], [("permits", "limit items: 100 -> 200")]),
        ([("sampling_ms = 50", "sampling_ms = 20")], [("permits", "limit sampling_ms: 50 -> 20")]),
        (
            [('users = ["anna"]', 'users = ["anna", "anonymous"]\nclients = ["hmi"]')],
            [("changes", "identity operators: user anna -> from hmi; user anna, anonymous")],
        ),
    ],
)  # fmt: skip
def test_a_change_is_told_in_words(told, changes, expected):
    assert sorted(expected) == sorted(told(*changes))


def test_limits_of_points_in_nodes_are_compared(told):
    assert [("permits", "point speed: maximum 80 -> 90")] == told(points=POINTS.replace("80", "90"))


def test_a_policy_that_begins_to_speak_of_nodes_permits_more(policy):
    found = differences(policy("", POINTS), policy(HEAD + RULE, POINTS))
    assert {"permits", "changes", "forbids"} >= {one.effect.value for one in found}
    assert any("may now use Write" in one.text for one in found)
