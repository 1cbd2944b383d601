"""Real clients against real servers through the gateway, each security and identity; the same without it as control."""

from itertools import product

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.slow]

STEPS = ["browse", "read", "read500", "write", "deny", "range", "nan", "mixed", "fifty", "fifty_range", "call"]
STEPS += ["danger", "subscribe", "renew", "alias", "reconnect"]
GOOD, DENIED, OUT = "Good", "BadUserAccessDenied", "BadOutOfRange"
UNKNOWN = {"asyncua": DENIED, "node": "BadNodeIdUnknown"}
"""What a server itself says of a node that it has not."""
CLIENTS = ["asyncua", "node"]
SERVERS = ["asyncua", "node"]
SECURITIES = ["None", "Sign", "SignAndEncrypt"]
USERS = ["anonymous", "operator:secret"]


def fifty(place, status, other=None):
    found = [GOOD] * 50
    found[place] = status
    if other:
        found[30] = other
    return found


def forbidden(arrived):
    """What must never reach the server."""
    return [
        one
        for one in arrived
        if (one["what"] == "write" and one["node"] == "Denied")
        or (one["what"] == "write" and one["node"] == "Ranged" and not 0 <= float(one["value"]) <= 100)
        or (one["what"] == "call" and one["node"] == "Danger")
    ]


@pytest.fixture(scope="module")
def gateway(run_gateway, make_conduit, asyncua_server, request):
    """One gateway: a conduit for each server and security."""
    devices = {"asyncua": asyncua_server.port, "node": request.getfixturevalue("node_server").port}
    written = {
        "None": "None",
        "Sign": "Basic256Sha256/Sign",
        "SignAndEncrypt": "Basic256Sha256/SignAndEncrypt",
        "Aes128": "Aes128_Sha256_RsaOaep/SignAndEncrypt",
        "Aes256": "Aes256_Sha256_RsaPss/SignAndEncrypt",
    }
    conduits = {}
    for server, device in devices.items():
        for security, text in written.items():
            name = f"{server}-{security}".lower()
            conduits[name] = make_conduit(name, device, client_security=[text], server_security=text)
        name = f"{server}-uplift"
        secure = [written["SignAndEncrypt"], written["Aes256"]]
        conduits[name] = make_conduit(name, device, client_security=secure, server_security="None")
    with run_gateway(conduits) as running:
        yield running


def seen_through(client, gateway, name, peer, security, user, request):
    environment = request.getfixturevalue("node_environment") if peer == "node" else None
    return client(peer, gateway.ports[name], security, user, STEPS, environment=environment)


def check(seen, server):
    assert 500 < seen.pop("browse") < 510
    assert isinstance(seen.pop("read"), float | int)
    denied, value = seen.pop("deny")
    assert [DENIED] == denied
    assert 66 != value
    assert {
        "read500": 500,
        "write": [[GOOD], 7.5],
        "range": [[OUT], [GOOD]],
        "nan": [OUT],
        "mixed": [GOOD, DENIED, GOOD],
        "fifty": fifty(17, DENIED, UNKNOWN[server]),
        "fifty_range": fifty(41, OUT),
        "call": 42,
        "danger": DENIED,
        "subscribe": [31, 32, 33],
        "renew": True,
        "alias": DENIED,
        "reconnect": 203,
    } == seen


@pytest.mark.parametrize("pair", list(product(CLIENTS, SERVERS)), ids="-".join)
@pytest.mark.parametrize(("security", "user"), list(product(SECURITIES, USERS)))
def test_a_client_works_and_what_is_forbidden_never_arrives(
    client, gateway, server_named, request, pair, security, user
):
    peer, server = pair
    before = len(server_named(server).arrived)
    seen = seen_through(client, gateway, f"{server}-{security}".lower(), peer, security, user, request)
    check(seen, server)
    arrived = server_named(server).arrived[before:]
    assert [] == forbidden(arrived)
    writes = [one["node"] for one in arrived if one["what"] == "write"]
    assert 48 + 49 + 2 < len(writes), "what is permitted has arrived"


@pytest.mark.parametrize("security", ["Aes128", "Aes256"])
@pytest.mark.parametrize(("peer", "server"), [("asyncua", "asyncua"), ("node", "node")])
def test_the_newer_policies_work_alike(client, gateway, request, peer, server, security):
    seen = seen_through(client, gateway, f"{server}-{security}".lower(), peer, security, "operator:secret", request)
    check(seen, server)


@pytest.mark.parametrize(("peer", "server"), [("asyncua", "node"), ("node", "asyncua")])
def test_a_server_without_security_is_given_some_towards_its_clients(client, gateway, request, peer, server):
    seen = seen_through(client, gateway, f"{server}-uplift", peer, "SignAndEncrypt", "anonymous", request)
    check(seen, server)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("peer", CLIENTS)
def test_without_the_gateway_the_same_steps_succeed(client, server_named, request, peer, server):
    environment = request.getfixturevalue("node_environment") if peer == "node" else None
    target = server_named(server)
    seen = client(peer, target.port, "SignAndEncrypt", "operator:secret", STEPS, environment=environment)
    assert [[GOOD], 66] == seen["deny"]
    assert [[GOOD], [GOOD]] == seen["range"]
    assert [GOOD] * 3 == seen["mixed"]
    assert fifty(30, UNKNOWN[server]) == seen["fifty"]
    assert GOOD == seen["alias"]
    assert 2 == seen["danger"]
    assert [31, 32, 33] == seen["subscribe"]
    assert seen["renew"]
    assert {"Denied", "Ranged"} <= {one["node"] for one in forbidden(target.arrived)}
