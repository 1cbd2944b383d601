import pytest

from icsguard.config.opcua_section import ConduitOpcuaSection, check_section, parse_security, ua_settings
from icsguard.config.settings import UaSettings
from icsguard.policy.nodes.rules import NodePolicy
from icsguard.policy.rules import Policy

BASE = "http://opcfoundation.org/UA/SecurityPolicy#"
PIN = "0a" * 32


def faults(mode="enforce", floor=1, **values):
    """Return what is told of a section, as (key, text)."""
    told = []
    section = ConduitOpcuaSection.model_validate(values)
    policy = Policy(opcua=NodePolicy(mode=floor))
    check_section(section, mode, policy, lambda key, text, hint: told.append((key, f"{text} ({hint})")))
    return told


def test_an_empty_section_terminates_and_encrypts_on_both_sides():
    made = ua_settings(ConduitOpcuaSection(), "10.1.0.7:4840", str, "/var/lib/icsguard")
    assert ("terminate", "opc.tcp://10.1.0.7:4840", "/var/lib/icsguard/pki") == (made.way, made.device_url, made.pki)
    assert {3} == {mode for _, mode in (*made.client_security, made.server_security)}
    assert f"{BASE}Basic256Sha256" in dict(made.client_security)
    assert [] == faults()


def test_every_key_arrives():
    section = ConduitOpcuaSection(
        way="terminate",
        on_mixed="refuse_all",
        client_security=["Basic256Sha256/Sign", "None"],
        server_security="None",
        url="opc.tcp://gate:4840/x",
        device_url="opc.tcp://plc:4840/y",
        pki="pki",
        own="gate",
        upstream="up",
        upstream_of={"urn:scada": "scada"},
        server_pin=PIN.upper(),
        handshake_timeout_s=2,
        incomplete_timeout_s=3,
        token_lifetime_s=4,
        clock_skew_s=9,
    )
    assert UaSettings(
        "terminate",
        "",
        "refuse_all",
        ((f"{BASE}Basic256Sha256", 2), (f"{BASE}None", 1)),
        (f"{BASE}None", 1),
        "opc.tcp://gate:4840/x",
        "opc.tcp://plc:4840/y",
        "/etc/pki",
        "gate",
        "up",
        (("urn:scada", "scada"),),
        PIN,
        2,
        3,
        4,
        9,
    ) == ua_settings(section, "plc:4840", lambda path: f"/etc/{path}", "/state")


@pytest.mark.parametrize(
    "text", ["Sign", "Basic256Sha256", "Basic256/Sign", "None/Sign", "Basic256Sha256/None", "Basic256Sha256/", ""]
)
def test_what_is_no_security_is_told(text):
    with pytest.raises(ValueError, match="is no security"):
        parse_security(text)


def test_nothing_can_be_enforced_on_a_signed_passthrough_unless_a_denial_cuts():
    signed = {"way": "passthrough", "client_security": ["Basic256Sha256/Sign"]}
    assert ["way"] == [key for key, _ in faults(**signed)]
    assert "on_deny" in faults(**signed)[0][1]
    assert [] == faults(**signed, on_deny="cut")
    assert [] == faults(mode="observe", **signed)


def test_a_policy_that_asks_for_signatures_makes_a_passthrough_a_secured_one():
    told = faults(way="passthrough", floor=2)
    assert {"client_security", "way"} == {key for key, _ in told}
    assert [] == faults(way="passthrough", floor=1)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"client_security": ["Basic128Rsa15/Sign"]}, "client_security"),
        ({"server_security": "Plain"}, "server_security"),
        ({"url": "opc.udp://gate"}, "url"),
        ({"device_url": "opc.tcp://" + "x" * 4_096}, "device_url"),
        ({"own": "../key"}, "own"),
        ({"upstream_of": {"urn:a": "a/b"}}, "upstream_of"),
        ({"server_pin": "12"}, "server_pin"),
        ({"on_deny": "cut"}, "on_deny"),
        ({"way": "passthrough", "server_pin": PIN}, "way"),
        ({"client_security": ["None"], "floor": 2}, "client_security"),
    ],
)
def test_what_does_not_hold_together_is_told_at_its_key(values, key):
    assert [key] == [one for one, _ in faults(**values)]
