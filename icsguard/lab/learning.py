"""Learning in the demo is what an operator types: `icsguard learn cell`, a look at it, `icsguard learn cell --accept`.

Both run in processes of their own, because fitting a twin takes some seconds of a whole core, in which the operators of
the demo must go on.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from icsguard.lab.guarding import CONDUIT, GuardError, Guarding

Move = Callable[[float, str], None]
FLUSH_S: Final = 1.5
"""The recorder writes its journal some times a second; the newest traffic shall be in it."""
MAX_LEARN_S: Final = 120.0
REASON: Final = "read in the demo"


class Proposed(msgspec.Struct, frozen=True):
    """What `icsguard learn --json` says that the demo shows."""

    proposal: dict[str, object]

    def count(self, name: str) -> int:
        """Return how many entries of a kind the proposal has."""
        found = self.proposal.get(name, ())
        return len(found) if isinstance(found, list) else 0


class Accepted(msgspec.Struct, frozen=True):
    """What `icsguard learn --accept --json` says that the demo shows."""

    twin: str
    gateway: str


class _Error(msgspec.Struct, frozen=True):
    text: str
    hint: str = ""


class Failed(msgspec.Struct, frozen=True):
    """What a command that fails says with `--json`."""

    error: _Error


async def learn(guarding: Guarding, move: Move) -> str:
    """Propose, accept, and have the gateway read it. Return what was learned, one sentence. Raises GuardError."""
    move(0.1, "learning: the recorder closes its books")
    await asyncio.sleep(FLUSH_S)
    move(0.3, "learning: icsguard learn cell")
    proposed = msgspec.json.decode(await icsguard(guarding, "learn", CONDUIT, "--json"), type=Proposed)
    move(0.7, "learning: icsguard learn cell --accept")
    arguments = ("learn", CONDUIT, "--accept", "--yes", "-r", REASON, "--json")
    accepted = msgspec.json.decode(await icsguard(guarding, *arguments), type=Accepted)
    return (
        f"{proposed.count('groups')} clients, {proposed.count('rules')} rules, {proposed.count('review')} for review; "
        f"twin: {accepted.twin}"
    )


async def icsguard(guarding: Guarding, *arguments: str) -> bytes:
    """Run the command line as an operator does; return what it printed. Raises GuardError where it fails."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "icsguard", *arguments, "--config", str(guarding.config)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await asyncio.wait_for(child.communicate(), MAX_LEARN_S)
    except TimeoutError:
        child.kill()
        await child.wait()
        raise GuardError(f"icsguard {arguments[0]} took longer than {MAX_LEARN_S:g} s") from None
    if child.returncode:
        raise GuardError(f"icsguard {arguments[0]}: {_why(err, out)}")
    return out


def _why(*said: bytes) -> str:
    """Return what a command said when it failed: the sentence of its error where it spoke JSON."""
    text = next((one.decode(errors="replace").strip() for one in said if one.strip()), "no word")
    try:
        failed = msgspec.json.decode(text, type=Failed).error
    except msgspec.MsgspecError:
        return text
    return f"{failed.text}; try: {failed.hint}" if failed.hint else failed.text
