"""What an operator changes holds from the next request on, on connections that are open, and closes none of them."""

import struct

import pytest

pytestmark = pytest.mark.timeout(150)  # starting three processes is slow on a machine that does other work
POINTS = "name,unit_id,table,address,min,max\nspeed,1,holding,12,10,{highest}\n"
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "operate"
clients = ["hmi"]
units = [1]
functions = [3, 6]
ranges = ["holding {first}..39"]
"""
NAMED = 'policy = "{0}.policy.toml"\npoints = "{0}.points.csv"\n{1}'
READ = struct.pack(">BHH", 3, 0, 1)
FAST = struct.pack(">BHH", 6, 12, 70)
SLOW = struct.pack(">BHH", 6, 12, 60)
ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 2, 3, 6


def files(name, first=0, highest=80):
    return {
        f"{name}.policy.toml": POLICY.format(first=first),
        f"{name}.points.csv": POINTS.format(highest=highest),
    }


@pytest.fixture(scope="module")
def site(make_site, plc):
    conduits = {
        "own": (plc.port, "enforce", NAMED.format("own", "")),
        "shared": (plc.port, "enforce", NAMED.format("shared", "links = 1\n")),
    }
    return make_site(conduits, files("own") | files("shared"))


@pytest.fixture(params=["own", "shared"])
def conduit(request):
    return request.param


@pytest.fixture
def client(site, conduit, connect):
    """A connection that is open before anything changes, and has worked."""
    with connect(site.ports[conduit]) as client:
        assert b"\x03\x02" == client.ask(READ)[:2]
        assert FAST == client.ask(FAST)
        yield client


def applied(site, conduit, **changes):
    for name, text in files(conduit, **changes).items():
        (site.folder / name).write_text(text)
    site.run("policy", "apply", "-r", "test", "--yes")


def test_a_limit_and_a_range_hold_from_the_next_request_and_until_they_are_taken_back(site, conduit, client, plc):
    before = plc.arrived()
    applied(site, conduit, highest=65, first=5)
    assert bytes([0x86, ILLEGAL_VALUE]) == client.ask(FAST)
    assert bytes([0x83, ILLEGAL_ADDRESS]) == client.ask(READ)  # though this very read was answered a moment ago
    assert SLOW == client.ask(SLOW)
    assert [SLOW] == [raw[7:] for raw in plc.arrived()[len(before) :]]
    applied(site, conduit)
    assert FAST == client.ask(FAST)
    assert b"\x03\x02" == client.ask(READ)[:2]


def test_a_policy_with_an_error_changes_nothing(site, conduit, client):
    for name, text in files(conduit, highest=65).items():
        (site.folder / name).write_text(text.replace("[3, 6]", "[3, 600]"))
    with pytest.raises(AssertionError, match="600"):
        site.run("policy", "apply", "-r", "test", "--yes")
    assert FAST == client.ask(FAST)
    applied(site, conduit)


def test_an_isolation_refuses_writes_and_a_release_lets_them_pass_again(site, conduit, client):
    site.run("isolate", "127.0.0.1", "-r", "test", "--for", "1m", "--writes-only", "--yes")
    assert bytes([0x86, BUSY]) == client.ask(SLOW)
    assert b"\x03\x02" == client.ask(READ)[:2]
    site.run("release", "127.0.0.1", "-r", "test", "--yes")
    assert SLOW == client.ask(SLOW)


def test_a_mode_changes_what_is_done_with_the_next_request(site, conduit, client, plc):
    beyond = struct.pack(">BHH", 6, 12, 81)
    assert bytes([0x86, ILLEGAL_VALUE]) == client.ask(beyond)
    before = plc.arrived()
    site.run("mode", conduit, "observe", "-r", "test", "--yes")
    assert beyond == client.ask(beyond)
    site.run("mode", conduit, "enforce", "-r", "test", "--yes")
    assert bytes([0x86, ILLEGAL_VALUE]) == client.ask(beyond)
    assert [beyond] == [raw[7:] for raw in plc.arrived()[len(before) :]]
