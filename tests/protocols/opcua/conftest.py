"""Random values of any structure, made from the annotations that the codec reads; and certificates."""

import random
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import Annotated, Union, get_args, get_origin, get_type_hints

import pytest

from icsguard.protocols.opcua.builtin import (
    SCALARS,
    TYPE_NAMES,
    DataValue,
    DiagnosticInfo,
    ExtensionObject,
    LocalizedText,
    QualifiedName,
    Variant,
)
from icsguard.protocols.opcua.nodes import ExpandedNodeId, NodeId

NUMBERS = {
    "SByte": (-(2**7), 2**7 - 1),
    "Byte": (0, 2**8 - 1),
    "Int16": (-(2**15), 2**15 - 1),
    "UInt16": (0, 2**16 - 1),
    "Int32": (-(2**31), 2**31 - 1),
    "UInt32": (0, 2**32 - 1),
    "Int64": (-(2**63), 2**63 - 1),
    "UInt64": (0, 2**64 - 1),
    "StatusCode": (0, 2**32 - 1),
    "DateTime": (116_444_736_000_000_000, 150_000_000_000_000_000),
}


class Dice(random.Random):
    """Randomness that leaves out what asyncua cannot tell apart: null arrays, and diagnostics in diagnostics."""

    for_asyncua = False


TEXTS = ("", "a", "Pumpe Ü", "日本", "x" * 40, 'quote " and \\', "line\nbreak")


def text(rng):
    return rng.choice(TEXTS)


def node(rng):
    namespace = rng.choice([0, 0, 1, 2, 255, 256, 65535])
    kind = rng.choice("iisgb")
    if kind == "i":
        return NodeId(namespace, "i", rng.choice([0, 84, 255, 256, 65535, 65536, 2**32 - 1]))
    if kind == "s":
        return NodeId(namespace, "s", rng.choice(TEXTS))
    if kind == "g":
        return NodeId(namespace, "g", f"{rng.getrandbits(32):08x}-0102-0a0b-{rng.getrandbits(16):04x}-00ff00ff00ff")
    return NodeId(namespace, "b", rng.randbytes(rng.choice([0, 1, 16])))


def variant(rng, depth=0, *, in_value=False):
    if rng.random() < 0.1:
        return Variant()
    barred = {24} | ({23} if in_value or depth > 1 else set()) | ({25} if depth > 1 else set())
    kind = rng.choice([kind for kind in SCALARS if kind not in barred])
    if rng.random() < 0.6:
        return Variant(kind, scalar(rng, TYPE_NAMES[kind], depth + 1, in_value=in_value))
    if rng.random() < 0.2 and depth < 2:
        kind = 24
    rows, columns = rng.choice([(1, 1), (2, 3), (0, 0)])
    values = tuple(scalar(rng, TYPE_NAMES[kind], depth + 1, in_value=in_value) for _ in range(rows * columns))
    return Variant(kind, values, is_array=True, dimensions=(rows, columns) if rng.random() < 0.3 and rows else None)


def data_value(rng, depth=0):
    keep = [rng.random() < 0.6 for _ in range(4)]
    keep[:2] = [True, True] if rng.for_asyncua else keep[:2]  # it adds a null value and a Good of its own
    fine = not (rng.for_asyncua and all(keep[2:]))  # it expects picoseconds after both times
    time = ticks(rng)
    return DataValue(
        variant(rng, depth + 1, in_value=True) if keep[0] else None,
        rng.choice([0x80000000, 0x40000000, 0x803C0000]) if keep[1] else None,
        time if keep[2] else None,
        rng.randint(1, 9999) if keep[2] and fine and rng.random() < 0.3 else None,
        time + 10 if keep[3] else None,
        rng.randint(1, 9999) if keep[3] and fine and rng.random() < 0.3 else None,
    )


def diagnostics(rng, depth=0):
    if rng.random() < 0.4:
        return DiagnosticInfo()
    numbers = [rng.randint(0, 99) if rng.random() < 0.5 else None for _ in range(4)]
    inner = diagnostics(rng, depth + 1) if depth < 2 and rng.random() < 0.3 and not rng.for_asyncua else None
    return DiagnosticInfo(*numbers, text(rng), 0x80010000 if rng.random() < 0.5 else None, inner)


def ticks(rng):
    """Return a DateTime of whole microseconds: asyncua keeps no finer ones."""
    return rng.randint(*NUMBERS["DateTime"]) // 10 * 10


def scalar(rng, name, depth=0, *, in_value=False):
    if name == "DateTime":
        return ticks(rng)
    if name in NUMBERS:
        return rng.choice([*NUMBERS[name], rng.randint(*NUMBERS[name])])
    makers = {
        "Boolean": lambda: rng.random() < 0.5,
        "Float": lambda: rng.choice([0.0, -1.5, 1024.25]),
        "Double": lambda: rng.choice([0.0, -1.5, 1e300, rng.random()]),
        "String": lambda: rng.choice([None, text(rng)]),
        "ByteString": lambda: rng.choice([None, b"", rng.randbytes(5)]),
        "XmlElement": lambda: b"<a/>",
        "Guid": lambda: f"{rng.getrandbits(32):08x}-0102-0a0b-{rng.getrandbits(16):04x}-00ff00ff00ff",
        "NodeId": lambda: node(rng),
        "ExpandedNodeId": lambda: expanded(rng),
        "QualifiedName": lambda: QualifiedName(rng.randint(0, 65535), rng.choice([None, text(rng)])),
        "LocalizedText": lambda: LocalizedText(rng.choice([None, "en"]), rng.choice([None, text(rng)])),
        "ExtensionObject": lambda: rng.choice([ExtensionObject(), ExtensionObject(NodeId(7, "i", 9), 1, b"\1\2")]),
        "DataValue": lambda: data_value(rng, depth),
        "Variant": lambda: variant(rng, depth, in_value=in_value),
        "DiagnosticInfo": lambda: diagnostics(rng, depth),
    }
    return makers[name]()


def expanded(rng):
    uri, server = rng.choice([None, None, "urn:x"]), rng.choice([0, 0, 3])
    return ExpandedNodeId(node(rng), uri, server)


def made(rng, hint):
    """Return a random value of a field's annotation."""
    if get_origin(hint) is Annotated:
        name = get_args(hint)[1].name
        return rng.choice([0, 1]) if name == "Int32" else scalar(rng, name)  # all of them are enumerations
    if get_origin(hint) in {Union, UnionType}:
        return None if rng.random() < 0.1 and not rng.for_asyncua else made(rng, get_args(hint)[0])
    if get_origin(hint) is tuple:
        return tuple(made(rng, get_args(hint)[0]) for _ in range(rng.choice([0, 1, 3])))
    return hint(*(made(rng, field) for field in get_type_hints(hint, include_extras=True).values()))


@pytest.fixture(scope="session")
def sample():
    """Return a function from structure and seed to a random value of it."""
    return lambda kind, seed: made(Dice(f"{kind.__name__} {seed}"), kind)


def identity(name="peer", bits=2048, uri="urn:peer", chain=b"", hosts=("localhost",), days=30):
    """Return a self-signed application instance certificate with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    from icsguard.protocols.opcua.asymmetric import Identity

    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(start).not_valid_after(start + timedelta(days=days))
    if uri:
        names = [x509.UniformResourceIdentifier(uri), *(x509.DNSName(host) for host in hosts)]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return Identity(builder.sign(key, SHA256()).public_bytes(Encoding.DER) + chain, key)


@pytest.fixture(scope="session")
def identities():
    """Two peers, and one with a key of more than 256 bytes."""
    return {"client": identity("client", uri="urn:client"), "server": identity("server", 3072, "urn:server")}
