"""Each leg writes to its own socket."""

from icsguard.conversation.api import CloseLink, OpenLink, ToClient, ToDevice
from icsguard.conversation.opcua.sides import ClientSide, DeviceSide


def test_the_clients_side_writes_to_the_client_and_the_devices_to_the_device(world):
    talk = world().connect().talk
    near, far = ClientSide(talk), DeviceSide(talk, lambda: None)
    near.write(b"a")
    far.write(b"b")
    far.dial()
    far.hang_up()
    assert [ToClient(b"a"), ToDevice(b"b"), OpenLink(), CloseLink()] == talk.commands
    assert "10.0.0.21" == near.client.address
