"""What clients are told before they have a session, and how often the device is asked for it."""

from icsguard.protocols.opcua.messages_session import (
    FindServersOnNetworkRequest,
    FindServersRequest,
    GetEndpointsRequest,
)

BOTH = ("Basic256Sha256", 3)
ASK = GetEndpointsRequest("opc.tcp://gw:4840", None, None)


def discovering(scene):
    return scene.connect().hello().open()


def test_the_devices_endpoints_are_kept_for_a_minute(world):
    scene = world(BOTH, BOTH)
    assert discovering(scene).ask(ASK).body.endpoints
    second = discovering(scene)
    assert second.ask(ASK).body.endpoints
    assert [] == second.ends
    scene.now += 61 * 10**9
    third = discovering(scene)
    assert third.ask(ASK).body.endpoints
    assert 1 == len(third.ends)


def test_clients_are_told_the_url_that_is_set(world):
    scene = world(BOTH, BOTH, url="opc.tcp://plant.example:4840")
    assert {"opc.tcp://plant.example:4840"} == {e.url for e in discovering(scene).ask(ASK).body.endpoints}


def test_a_device_without_endpoints_is_a_device_of_no_use(world):
    scene = world()
    scene.device.endpoints = lambda: ()
    assert 0x80090000 == discovering(scene).ask(ASK).fault


def test_servers_of_the_network_are_not_told(world):
    scene = world()
    assert 0x800B0000 == discovering(scene).ask(FindServersOnNetworkRequest(0, 0, None)).fault


def test_find_servers_of_a_device_that_does_not_say_who_it_is(world):
    scene = world()
    from icsguard.protocols.opcua.messages_session import FindServersResponse

    peer = discovering(scene)
    peer.ask(ASK)
    one = scene.device.endpoints()[0].server._replace(uri="urn:else")
    peer.end.on_findserversrequest = lambda request, asked: FindServersResponse((one,))
    assert not peer.ask(FindServersRequest(None, None, None)).body.servers


def test_endpoints_that_changed_are_told(world):
    scene = world(BOTH, BOTH)
    discovering(scene).ask(ASK)
    scene.device.security = (*scene.device.security, ("http://opcfoundation.org/UA/SecurityPolicy#Basic128Rsa15", 3))
    scene.now += 61 * 10**9
    discovering(scene).ask(ASK)
    (record,) = [one for one in scene.records if one.kind.value == "finding"]
    assert "new: Basic128Rsa15 mode 3 at opc.tcp://d:1" in record.text
    assert "gone: none" in record.text
    scene.now += 61 * 10**9
    discovering(scene).ask(ASK)
    assert 1 == len([one for one in scene.records if one.kind.value == "finding"])
