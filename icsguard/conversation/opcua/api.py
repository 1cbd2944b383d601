"""What an OPC UA conversation asks of its shell beyond the commands of every conversation: work for a thread pool."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from icsguard.conversation.api import Ask, CloseClient, CloseLink, OpenLink, ToClient, ToDevice


class Work(Protocol):
    """A piece of computation that takes too long for the event loop: RSA."""

    def run(self) -> object:
        """Do it, in whichever thread."""
        ...


class Job(NamedTuple):
    """Run `work` in a thread; answer with `job_done`."""

    id: int
    work: Work


Command = ToClient | ToDevice | OpenLink | CloseLink | CloseClient | Ask | Job
