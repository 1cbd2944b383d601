from icsguard.conversation.api import DeviceLink
from icsguard.conversation.link import OwnLink


def test_the_own_link_is_a_device_link():
    link: DeviceLink = OwnLink(max_in_flight=1, timeout_ns=1, quirks=frozenset())
    names = [name for name in vars(DeviceLink) if not name.startswith("_")]
    assert [] == [name for name in names if not hasattr(link, name)]
