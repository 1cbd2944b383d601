"""What operators decided and the gateway keeps: modes, isolations, grants; between the guards and the state file."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from icsguard.config.settings import Conduit
from icsguard.conversation.guard import Guard
from icsguard.core.decision import Mode
from icsguard.policy.grants import spelled_out
from icsguard.policy.rules import Grant
from icsguard.runtime.clock import Clock
from icsguard.runtime.state_file import KeptMode, KeptState, read_state, write_state


class Kept:
    """The operators' decisions of one gateway."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.saved = KeptState()
        """What the file holds."""
        self.modes: dict[str, KeptMode] = {}
        self.grants: dict[str, tuple[Grant, ...]] = {}
        self.granted_by: dict[str, str] = {}
        self._folder = folder
        self._clock = clock

    def load(self) -> str:
        """Read the file; return a sentence where that failed."""
        self.saved, damage = read_state(self._folder)
        self.modes = dict(self.saved.modes)
        self.grants = dict(self.saved.grants)
        self.granted_by = dict(self.saved.granted_by)
        return damage

    def apply(self, guard: Guard) -> None:
        """Bring a fresh guard to where the operators had it. A mode yields where the configuration's was changed."""
        kept = self.modes.get(guard.name)
        if kept is not None and kept.configured is guard.conduit.mode:
            guard.set_mode(kept.mode)
        else:
            self.modes.pop(guard.name, None)
        shift, now = self._clock.wall_shift(), self._clock.now()
        for isolation in self.saved.isolations:
            until = isolation.until - shift if isolation.until else 0
            if isolation.conduit == guard.name and (not until or until > now):
                guard.quarantine.isolations.put(replace(isolation, since=isolation.since - shift, until=until))

    def set_mode(self, guard: Guard, mode: Mode) -> None:
        """Change a mode and keep it."""
        guard.set_mode(mode)
        self.modes[guard.name] = KeptMode(mode, guard.conduit.mode)

    def forget_mode(self, conduit: str) -> None:
        """Let the configuration's mode hold again."""
        self.modes.pop(conduit, None)

    def grants_of(self, conduit: str) -> tuple[Grant, ...]:
        """Return the grants that operators added and whose time is not over."""
        wall = self._clock.now() + self._clock.wall_shift()
        live = tuple(grant for grant in self.grants.get(conduit, ()) if grant.until > wall)
        if live or conduit in self.grants:
            self.grants[conduit] = live
        return live

    def snapshot(self, guards: list[Guard]) -> KeptState:
        """Return what must be kept now."""
        shift = self._clock.wall_shift() // 1_000_000_000 * 1_000_000_000  # whole seconds: jitter is no change
        isolations = tuple(
            replace(one, since=one.since + shift, until=one.until + shift if one.until else 0)
            for guard in guards
            for one in guard.quarantine.isolations.all()
        )
        grants = {conduit: grants for conduit, grants in self.grants.items() if grants}
        live = {grant.id for given in grants.values() for grant in given}
        by = {grant: name for grant, name in self.granted_by.items() if grant in live}
        return KeptState(modes=dict(self.modes), isolations=isolations, grants=grants, granted_by=by)

    def write(self, state: KeptState) -> None:
        """Replace the file (in a thread: it waits for the disk). Raises OSError."""
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        write_state(self._folder, state)
        self.saved = state


def with_grants(conduit: Conduit, grants: tuple[Grant, ...]) -> Conduit:
    """Return the conduit with grants added to its policy, under a digest of its own."""
    if not grants:
        return conduit
    policy = conduit.policy
    added = tuple(spelled_out(grant, policy.points) for grant in grants)
    digest = sha256(repr((policy.digest, added)).encode()).hexdigest()
    return replace(conduit, policy=replace(policy, grants=policy.grants + added, digest=digest))
