"""The handbook's way: certificates made and trusted by `icsguard pki`, a real client, trust taken away."""

import subprocess
import sys
import time

import pytest

pytestmark = [pytest.mark.peer, pytest.mark.slow]

SECURE = "Basic256Sha256/SignAndEncrypt"


@pytest.fixture(scope="module")
def icsguard(tmp_path_factory):
    """Run the command line on a folder of keys that it makes itself."""
    folder = tmp_path_factory.mktemp("site") / "pki"

    def run(*words):
        command = [sys.executable, "-m", "icsguard", "pki", words[0], "--pki", str(folder), *map(str, words[1:])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout

    run("init")
    run("issue", "gateway", "--uri", "urn:example:gateway", "--host", "127.0.0.1")
    run.folder = folder
    return run


@pytest.fixture(scope="module")
def gateway(icsguard, keys, run_gateway, make_conduit, asyncua_server):
    icsguard("trust", keys / "server.der")
    security = {"client_security": [SECURE], "server_security": SECURE}
    conduits = {"ua": make_conduit("ua", asyncua_server.port, pki=icsguard.folder, **security)}
    with run_gateway(conduits) as running:
        yield running


def test_whom_nobody_trusts_is_turned_away_and_shown_to_the_operator(client, gateway, icsguard):
    assert ["ended"] == list(client("asyncua", gateway.ports["ua"], "SignAndEncrypt", "anonymous", ["read"]))
    assert "client" in icsguard("list")


def test_whom_the_operator_trusts_works_within_five_seconds_and_ends_as_fast(client, gateway, icsguard, keys):
    icsguard("trust", keys / "client.der")
    time.sleep(5)
    seen = client("asyncua", gateway.ports["ua"], "SignAndEncrypt", "operator:secret", ["read500", "subscribe"])
    assert {"read500": 500, "subscribe": [31, 32, 33]} == seen
    icsguard("reject", keys / "client.der")
    time.sleep(5)
    assert ["ended"] == list(client("asyncua", gateway.ports["ua"], "SignAndEncrypt", "anonymous", ["read"]))
