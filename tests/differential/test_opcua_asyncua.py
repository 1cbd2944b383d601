"""asyncua as oracle: what we write it reads, what it writes back are our bytes; and the same the other way round."""

import runpy
from math import isnan
from pathlib import Path
from uuid import UUID

import pytest

from icsguard.protocols.opcua.builtin import DATA_VALUE, DataValue, Variant
from icsguard.protocols.opcua.codec import encoded
from icsguard.protocols.opcua.headers import REQUEST_HEADER, RequestHeader, ResponseHeader
from icsguard.protocols.opcua.nodes import NodeId
from icsguard.protocols.opcua.services import (
    BY_NAME,
    SERVICES,
    build_response,
    message,
    parse_request,
    parse_response,
)

ua = pytest.importorskip("asyncua.ua")
binary = pytest.importorskip("asyncua.ua.ua_binary")
Buffer = pytest.importorskip("asyncua.common.utils").Buffer

pytestmark = pytest.mark.peer

HERE = Path(__file__).parent
samples = runpy.run_path(str(HERE.parent / "protocols" / "opcua" / "conftest.py"))
made, Dice = samples["made"], samples["Dice"]

THEIR_NAMES = {"TranslateBrowsePaths": "TranslateBrowsePathsToNodeIds"}
LAWS = [law for law in SERVICES.values() if law.request is not None]
SEEDS = range(12)


def dice(seed):
    rng = Dice(seed)
    rng.for_asyncua = True
    return rng


def theirs(law, side):
    return getattr(ua, f"{THEIR_NAMES.get(law.name, law.name)}{side}")


def reread(kind, body):
    """Return what asyncua writes of what it has read, and whether it read everything."""
    buffer = Buffer(body)
    value = binary.struct_from_binary(kind, buffer)
    return binary.struct_to_binary(value), len(buffer)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_request_is_the_same_to_asyncua(law, seed):
    rng = dice(f"{law.name} {seed}")
    body = message(law.number, REQUEST_HEADER, made(rng, RequestHeader), made(rng, law.request))
    assert (body, 0) == reread(theirs(law, "Request"), body)
    assert parse_request(body).defect is None


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_response_is_the_same_to_asyncua(law, seed):
    rng = dice(f"{law.name} {seed}")
    body = build_response(law.number, made(rng, ResponseHeader)._replace(result=0), made(rng, law.response))
    assert (body, 0) == reread(theirs(law, "Response"), body)
    assert parse_response(body).defect is None


# Where asyncua differs, and why we do not follow it.


def test_asyncua_expects_picoseconds_after_both_times_where_the_specification_puts_each_beside_its_own():
    value = DataValue(Variant(11, 1.0), 0, 130_000_000_000_000_000, 7, 130_000_000_000_000_010, 8)
    theirs = binary.struct_from_binary(ua.DataValue, Buffer(encoded(DATA_VALUE, value)))
    assert (7, 8) != (theirs.SourcePicoseconds, theirs.ServerPicoseconds)  # P6 §5.2.2.17 has them in our order


# What a rule looks at is the same to both, whenever both take a message.

mutated = runpy.run_path(str(HERE.parent / "fuzz" / "test_opcua.py"))["mutated"]


def plain(node):
    """Return asyncua's NodeId as ours."""
    name = node.Identifier
    if isinstance(name, int):
        return NodeId(node.NamespaceIndex, "i", name)
    if isinstance(name, UUID):
        return NodeId(node.NamespaceIndex, "g", str(name))
    kind = "b" if node.NodeIdType == ua.NodeIdType.ByteString else "s"
    return NodeId(node.NamespaceIndex, kind, name or (b"" if kind == "b" else ""))


def number(variant):
    """Return the plain number of a scalar Variant of asyncua, None where it has none."""
    value = None if variant is None or variant.is_array else variant.Value
    return value if isinstance(value, int | float) else None


def both(kind, raw):
    """Return our and asyncua's reading of a mutated request; None where one of them refuses it.

    What we refuse is not shown to asyncua: it has no bounds and may never come back.
    """
    ours = parse_request(raw)
    if ours.defect is not None:
        return None
    try:
        return ours.body, binary.struct_from_binary(kind, Buffer(raw))
    except Exception:  # noqa: BLE001 - asyncua raises what it happens to meet
        return None


def agreed(law, kind, compare):
    """Return in how many of many mutations both took the message; each time `compare` must agree."""
    taken = 0
    for seed in range(1500):
        rng = dice(f"mutation {seed}")
        raw = message(law.number, REQUEST_HEADER, RequestHeader(), made(rng, law.request))
        raw = raw[:4] + mutated(rng, raw[4:])
        found = both(kind, raw)
        if found is not None:
            taken += 1
            compare(*found)
    return taken


def test_what_is_written_where_is_the_same_to_asyncua():
    def compare(ours, theirs):
        pairs = list(zip(ours.items or (), theirs.Parameters.NodesToWrite or (), strict=True))
        for one, other in pairs:
            assert (one.node, one.attribute, one.index_range) == (
                plain(other.NodeId),
                other.AttributeId,
                other.IndexRange,
            )
            told = number(other.Value.Value)
            assert told is None or isnan(told) or told == one.value.value.value

    assert agreed(BY_NAME["Write"], ua.WriteRequest, compare) > 300


def test_what_is_called_with_what_is_the_same_to_asyncua():
    def compare(ours, theirs):
        for one, other in zip(ours.items or (), theirs.Parameters.MethodsToCall or (), strict=True):
            assert (one.parent, one.method) == (plain(other.ObjectId), plain(other.MethodId))
            assert len(one.arguments or ()) == len(other.InputArguments or ())

    assert agreed(BY_NAME["Call"], ua.CallRequest, compare) > 300


def test_what_is_registered_or_watched_is_the_same_to_asyncua():
    def registered(ours, theirs):
        assert list(ours.nodes or ()) == [plain(node) for node in theirs.Parameters.NodesToRegister or ()]

    def watched(ours, theirs):
        wishes = zip(ours.items or (), theirs.Parameters.ItemsToCreate or (), strict=True)
        for one, other in wishes:
            assert one.item.node == plain(other.ItemToMonitor.NodeId)
            assert one.parameters.handle == other.RequestedParameters.ClientHandle

    assert agreed(BY_NAME["RegisterNodes"], ua.RegisterNodesRequest, registered) > 300
    assert agreed(BY_NAME["CreateMonitoredItems"], ua.CreateMonitoredItemsRequest, watched) > 300
