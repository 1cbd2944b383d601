"""Beyond the matrix: passthrough, strict clients, sequence numbers, renewals, and who is turned away."""

import shutil

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.slow]

STEPS = ["browse", "read", "read500", "write", "deny", "range", "nan", "mixed", "fifty", "call", "danger", "subscribe"]
STEPS += ["renew", "alias"]
DENIED = "BadUserAccessDenied"


@pytest.fixture(scope="module")
def gateway(run_gateway, make_conduit, asyncua_server):
    """One gateway before the asyncua server, with a conduit for each way."""
    device, secure = asyncua_server.port, "Basic256Sha256/SignAndEncrypt"
    conduits = {
        "clear": make_conduit("clear", device, way="passthrough"),
        "signed": make_conduit(
            "signed", device, way="passthrough", on_deny="cut", client_security=["Basic256Sha256/Sign"]
        ),
        "closed": make_conduit("closed", device, way="passthrough", on_deny="cut", client_security=[secure]),
        "ended": make_conduit("ended", device, client_security=[secure], server_security=secure, token_lifetime_s=2),
    }
    with run_gateway(conduits) as running:
        yield running


@pytest.mark.parametrize("peer", ["asyncua", "node"])
def test_without_security_a_passthrough_refuses_single_items(client, gateway, asyncua_server, request, peer):
    environment = request.getfixturevalue("node_environment") if peer == "node" else None
    before = len(asyncua_server.arrived)
    seen = client(peer, gateway.ports["clear"], "None", "anonymous", STEPS, environment=environment)
    assert ["Good", DENIED, "Good"] == seen["mixed"]
    assert [["BadOutOfRange"], ["Good"]] == seen["range"]
    assert (DENIED, DENIED, DENIED) == (seen["deny"][0][0], seen["danger"], seen["alias"])
    assert (500, 42, [31, 32, 33], True) == (seen["read500"], seen["call"], seen["subscribe"], seen["renew"])
    assert not [one for one in asyncua_server.arrived[before:] if one["node"] in {"Denied", "Danger"}]


def test_numbers_stay_right_over_denials_in_a_passthrough(client, gateway):
    seen = client("asyncua", gateway.ports["clear"], "None", "anonymous", ["interleave", "read", "write"])
    assert [[3000, [DENIED], 1], [3000, [DENIED], 2], [3000, [DENIED], 100], [1100.0]] == seen["interleave"]
    assert [["Good"], 7.5] == seen["write"]


def test_numbers_stay_right_over_denials_where_channels_end_here(client, gateway):
    seen = client("asyncua", gateway.ports["ended"], "SignAndEncrypt", "anonymous", ["interleave", "read", "write"])
    assert [[3000, [DENIED], 1], [3000, [DENIED], 2], [3000, [DENIED], 100], [1100.0]] == seen["interleave"]
    assert [["Good"], 7.5] == seen["write"]


def test_a_denied_write_on_a_signed_passthrough_cuts_and_never_arrives(client, gateway, asyncua_server):
    before = len(asyncua_server.arrived)
    seen = client(
        "asyncua", gateway.ports["signed"], "Sign", "anonymous", ["read500", "write", "renew", "deny", "read"]
    )
    assert (500, [["Good"], 7.5], True) == (seen["read500"], seen["write"], seen["renew"])
    assert seen["deny"].startswith("failed")
    assert "Denied" not in {one["node"] for one in asyncua_server.arrived[before:]}
    again = client("asyncua", gateway.ports["signed"], "Sign", "anonymous", ["read500"])
    assert 500 == again["read500"]


def test_what_nobody_can_read_passes_and_works(client, gateway):
    seen = client("asyncua", gateway.ports["closed"], "SignAndEncrypt", "operator:secret", ["read500", "subscribe"])
    assert {"read500": 500, "subscribe": [31, 32, 33]} == seen


def test_a_subscription_over_many_renewals_of_both_channels_has_no_gap(client, gateway):
    seen = client("asyncua", gateway.ports["ended"], "SignAndEncrypt", "anonymous", ["soak"])
    assert [True, 40, []] == seen["soak"]


def test_a_strict_client_finds_the_same_endpoints_everywhere(client, gateway):
    seen = client("asyncua", gateway.ports["ended"], "SignAndEncrypt", "anonymous", ["endpoints"])
    assert [True, 1, 1, "urn:example:gateway"] == seen["endpoints"]


def test_a_wrong_password_is_the_servers_refusal(client, gateway):
    seen = client("asyncua", gateway.ports["ended"], "SignAndEncrypt", "operator:wrong", ["read"])
    assert {"ended": DENIED} == seen


def test_a_session_without_security_is_refused_where_it_is_not_offered(client, gateway):
    seen = client("asyncua", gateway.ports["ended"], "None", "anonymous", ["read"])
    assert "BadSecurityPolicyRejected" in seen["ended"]


def test_a_stranger_with_a_sound_certificate_is_turned_away(client, gateway, keys, tmp_path):
    for name in ("der", "pem", "crt"):
        shutil.copy(keys / f"rogue.{name}", tmp_path / f"client.{name}")
    seen = client("asyncua", gateway.ports["ended"], "SignAndEncrypt", "anonymous", ["read"], keys=tmp_path)
    assert ["ended"] == list(seen)
