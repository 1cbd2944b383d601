import pytest

from icsguard.config.node_words import EXAMPLES, meaning_of
from icsguard.core.meaning import Intent, NodeAccess, NodeChange, Table
from icsguard.core.point import NO_REGISTER, Point
from icsguard.protocols.opcua.services import BY_NAME

SPEED = "nsu=urn:plant;s=Pump.Speed"
POINTS = {"pump_speed": Point("pump_speed", 0, Table.HOLDING, NO_REGISTER, node=SPEED)}


@pytest.mark.parametrize("text", EXAMPLES)
def test_every_example_is_a_request(text):
    assert meaning_of(text, POINTS).function


@pytest.mark.parametrize(
    ("text", "nodes", "changes"),
    [
        (f"read {SPEED}", [NodeAccess(Intent.READ, SPEED)], []),
        ("read i=2258 attribute DisplayName", [NodeAccess(Intent.READ, "i=2258", 4)], []),
        (f"write {SPEED} = 80", [NodeAccess(Intent.WRITE, SPEED)], [NodeChange(0, "Double", (80.0,))]),
        ("write pump_speed = -0x10 as Int16", [NodeAccess(Intent.WRITE, SPEED)], [NodeChange(0, "Int16", (-16,))]),
        ("write pump_speed = true", [NodeAccess(Intent.WRITE, SPEED)], [NodeChange(0, "Boolean", (True,))]),
        ('write pump_speed = "a b"', [NodeAccess(Intent.WRITE, SPEED)], [NodeChange(0, "String", ("a b",))]),
        ("write pump_speed = 1 2", [NodeAccess(Intent.WRITE, SPEED)], [NodeChange(0, "Double[]", (1.0, 2.0))]),
        (
            'call nsu=u;s=Go on i=85 with 5 "x"',
            [NodeAccess(Intent.EXECUTE, "nsu=u;s=Go", 0, "", "i=85")],
            [NodeChange(0, "Double", (5.0,), argument=0), NodeChange(0, "String", ("x",), argument=1)],
        ),
        ("watch pump_speed", [NodeAccess(Intent.SUBSCRIBE, SPEED)], []),
        ("browse nsu=a%3Bb;i=7", [NodeAccess(Intent.BROWSE, "nsu=a%3Bb;i=7", 0)], []),
        ("read nsu=u;b=00ff", [NodeAccess(Intent.READ, "nsu=u;b=00ff")], []),
    ],
)
def test_words_become_what_the_codec_makes_of_them(text, nodes, changes):
    found = meaning_of(text, POINTS)
    assert (tuple(nodes), tuple(changes)) == (found.nodes, found.node_changes)


def test_not_a_number_can_be_written_down():
    (change,) = meaning_of("write pump_speed = nan", POINTS).node_changes
    assert change.values[0] != change.values[0]


def test_a_service_is_named_alone():
    assert BY_NAME["AddNodes"].number == meaning_of("service AddNodes", {}).function


@pytest.mark.parametrize(
    "text",
    [
        "", "write", "fly i=1", "service Fly", "read ns=2;s=A", "read i=1 attribute Colour", "write i=1 = ",
        "write i=1", "call i=1", "write i=1 = x as Int16", "write i=1 = 1 as Colour", "write i=1 = 70000 as Int16",
        "write i=1 = maybe as Boolean",
    ],
)  # fmt: skip
def test_what_is_no_request_is_told(text):
    with pytest.raises(ValueError, match=r"\S"):
        meaning_of(text, POINTS)
