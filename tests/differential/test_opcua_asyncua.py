"""asyncua as oracle: what we write it reads, what it writes back are our bytes; and the same the other way round."""

import runpy
from pathlib import Path

import pytest

from icsguard.protocols.opcua.builtin import DATA_VALUE, DataValue, Variant
from icsguard.protocols.opcua.codec import encoded
from icsguard.protocols.opcua.headers import REQUEST_HEADER, RequestHeader, ResponseHeader
from icsguard.protocols.opcua.services import (
    SERVICES,
    build_response,
    message,
    parse_request,
    parse_response,
)

ua = pytest.importorskip("asyncua.ua")
binary = pytest.importorskip("asyncua.ua.ua_binary")
Buffer = pytest.importorskip("asyncua.common.utils").Buffer

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
