"""What each leg of a terminated connection may do with it: write to its own socket, and nothing to the other's."""

from __future__ import annotations

from collections.abc import Callable

from icsguard.conversation.opcua.talk import Talk
from icsguard.core.flow import Client
from icsguard.protocols.opcua.asymmetric import Identity as Credentials
from icsguard.protocols.opcua.certificates import Certificate


class ClientSide:
    """What the client's leg may do."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self.guard = talk.guard
        self.draw = talk.draw
        self.start = talk.start
        self.write = talk.to_client

    @property
    def client(self) -> Client:
        """Who it is."""
        return self._talk.client


class DeviceSide:
    """What the device's leg may do."""

    def __init__(self, talk: Talk, client: Callable[[], Certificate | None]) -> None:
        self.guard = talk.guard
        self.draw = talk.draw
        self.start = talk.start
        self.write = talk.to_device
        self._client = client
        self.dial = talk.dial
        self.hang_up = talk.hang_up

    @property
    def upstream(self) -> tuple[Credentials | None, str]:
        """Who we are to the device for this client, and with which URI."""
        return self.guard.legs.towards(self._client())
