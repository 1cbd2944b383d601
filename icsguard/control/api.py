"""The seam between the control socket and the gateway behind it."""

from __future__ import annotations

from typing import Protocol

from icsguard.control.replies import Reply
from icsguard.control.requests import Request


class GatewayFacade(Protocol):
    """A gateway that can be asked. Roles are already checked when `handle` is called."""

    async def handle(self, request: Request, operator: str) -> Reply:
        """Do or answer one request; `operator` is the caller's user name, for the record.

        Never raises for anything that a caller can send: what cannot be done is a `Failure` with a hint.
        """
        ...
