"""What a reload cannot change is said, and stays what it was."""

from dataclasses import replace

import pytest

from icsguard.config.settings import Conduit, GatewaySettings, Settings, UaSettings
from icsguard.runtime.restarts import OPCUA_KEYS, as_before, needs_restart

CONDUIT = Conduit("ua", "127.0.0.1", 4840, "10.1.0.7", 4840, protocol="opcua", opcua=UaSettings())
SETTINGS = Settings(gateway=GatewaySettings(state_dir="/s", run_dir="/r", control_socket="/c"), conduits=(CONDUIT,))
CHANGED = {
    "way": "passthrough",
    "client_security": (("x", 3),),
    "server_security": ("x", 3),
    "pki": "/elsewhere",
    "own": "other",
    "upstream": "other",
    "upstream_of": (("urn:a", "b"),),
    "server_pin": "00" * 32,
}


def told(conduit):
    return needs_restart(SETTINGS, replace(SETTINGS, conduits=(conduit,)))


@pytest.mark.parametrize("key", OPCUA_KEYS)
def test_keys_and_what_must_fit_them_need_a_restart_and_stay(key):
    changed = replace(CONDUIT, opcua=replace(CONDUIT.opcua, **{key: CHANGED[key]}))
    (line,) = told(changed)
    assert f"[conduit.ua.opcua] {key} changes only when the gateway is restarted; the old value stays in use" == line
    assert CONDUIT == as_before(CONDUIT, changed)


def test_what_a_reload_takes_needs_no_word():
    changed = replace(
        CONDUIT, opcua=replace(CONDUIT.opcua, on_mixed="refuse_all", token_lifetime_s=60, url="opc.tcp://x")
    )
    assert () == told(changed)
    assert changed == as_before(CONDUIT, changed)
    assert () == told(replace(CONDUIT, name="new"))


def test_another_protocol_is_another_gateway():
    modbus = replace(CONDUIT, protocol="modbus", opcua=None)
    assert ("[conduit.ua] protocol changes only when the gateway is restarted; the old value stays in use",) == told(
        modbus
    )
    assert CONDUIT.opcua == as_before(CONDUIT, modbus).opcua


def test_folders_of_the_gateway_and_shared_links_wait_too():
    links = replace(CONDUIT, links=1)
    before = replace(SETTINGS, conduits=(links,))
    after = Settings(
        gateway=replace(SETTINGS.gateway, run_dir="/x"), conduits=(replace(links, min_gap_ms=3, device_timeout_ms=9),)
    )
    assert ["[gateway] run_dir", "[conduit.ua] min_gap_ms", "[conduit.ua] device_timeout_ms"] == [
        line.partition(" changes")[0] for line in needs_restart(before, after)
    ]
