"""One attack carried out once, guarded or not: what was tried, what came of it, and whether that was as it should be.

Values only; `icsguard.lab.lanes` carries attacks out, `icsguard.lab.report` and the table show these.
"""

from __future__ import annotations

import msgspec

from icsguard.lab.attacks.scene import Attack, Scene
from icsguard.lab.wire import Fate


class Check(msgspec.Struct, frozen=True):
    """One expectation and whether it held."""

    text: str
    held: bool


class Try(msgspec.Struct, frozen=True):
    """One request of the attack as its client saw it."""

    text: str
    fate: str
    exception: int
    ms: float
    harmless: bool
    times: int = 1
    """How many equal ones followed each other."""


class Caught(msgspec.Struct, frozen=True):
    """Who caught it, from the gateway's own records."""

    layers: tuple[str, ...] = ()
    """All layers that stopped a request of this attack."""
    noticed: tuple[str, ...] = ()
    """Layers that only raised an alert."""
    layer: str = ""
    """The one that was expected, if it spoke, else the first."""
    code: str = ""
    text: str = ""
    record: str = ""
    technique: str = ""
    latency_us: int = 0
    """Median time inside the gateway from a request to its refusal."""


class Curve(msgspec.Struct, frozen=True):
    """What is plotted: seconds since the attack began, and values."""

    name: str = ""
    times: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


class Trial(msgspec.Struct, frozen=True):
    """One attack carried out once."""

    key: str
    title: str
    story: str
    who: str
    address: str
    technique: str
    guarded: bool
    attempts: int
    answered: int
    refused: int
    lost: int
    """Attempts with no answer or a closed connection."""
    verdict_ms: float
    """Median time from an attempt to its refusal, as the attacker sees it; 0 where none was refused."""
    arrived: int
    """Forbidden writes that the device carried out, and requests of functions that must never reach it."""
    harms: tuple[str, ...]
    tries: tuple[Try, ...]
    caught: Caught
    curve: Curve
    began_s: float
    """Since the start of the demo."""
    checks: tuple[Check, ...]

    @property
    def held(self) -> bool:
        """Say whether everything was as expected."""
        return all(check.held for check in self.checks)

    @property
    def fate(self) -> str:
        """What became of it, in a few words."""
        if not self.attempts:
            return "nothing tried"
        word = "stopped" if self.lost else "refused"  # without an answer, or cut off: stopped all the same
        whole = f"all {self.attempts} " if self.attempts > 1 else ""
        if self.refused + self.lost == self.attempts:
            return whole + word
        if self.answered == self.attempts:
            return f"{whole}carried out"
        return f"{self.refused + self.lost} of {self.attempts} {word}"


MAX_TRIES_SHOWN = 14


def tries_of(scene: Scene) -> tuple[Try, ...]:
    """Return the requests of a scene, equal neighbours folded, at most MAX_TRIES_SHOWN."""
    folded: list[Try] = []
    for step in scene.steps:
        reply = step.reply
        fresh = Try(step.text, str(reply.fate), reply.exception, round(1000 * reply.seconds, 2), step.harmless)
        last = folded[-1] if folded else None
        if last and (last.text, last.fate, last.exception) == (fresh.text, fresh.fate, fresh.exception):
            folded[-1] = msgspec.structs.replace(last, times=last.times + 1)
        elif len(folded) < MAX_TRIES_SHOWN:
            folded.append(fresh)
    return tuple(folded)


def median(values: list[float]) -> float:
    """Return the middle of the values; 0 of none."""
    return sorted(values)[len(values) // 2] if values else 0.0


def counted(scene: Scene) -> dict[str, int]:
    """Return how many attempts were answered, refused, lost."""
    fates = [step.reply.fate for step in scene.attempts]
    return {
        "attempts": len(fates),
        "answered": fates.count(Fate.ANSWERED),
        "refused": fates.count(Fate.REFUSED),
        "lost": fates.count(Fate.SILENT) + fates.count(Fate.CLOSED),
    }


def verdict_ms(scene: Scene) -> float:
    """Return the median time to a refusal in ms."""
    refused = [step.reply.seconds for step in scene.attempts if step.reply.fate is Fate.REFUSED]
    return round(1000 * median(refused), 3)


def guarded_checks(
    attack: Attack, counts: dict[str, int], arrived: int, harms: tuple[str, ...], caught: Caught, hurt: int
) -> tuple[Check, ...]:
    """Return what must hold behind the gateway."""
    wanted = ", ".join(sorted(attack.layers))
    return (
        Check(f"no more than {attack.tolerated} of its attempts succeeded", counts["answered"] <= attack.tolerated),
        Check("the device never saw it", arrived <= attack.tolerated),
        Check("the plant is unharmed", not harms),
        Check(f"caught by {wanted}", bool(attack.layers & set(caught.layers))),
        Check("no normal request was hurt meanwhile", hurt == 0),
    )


def unguarded_checks(attack: Attack, counts: dict[str, int], harms: tuple[str, ...]) -> tuple[Check, ...]:
    """Return what must hold without a gateway: the attack is real."""
    if not attack.harm:
        return (Check("the device answered the attacker", counts["answered"] > 0),)
    return (Check(attack.harm, any(attack.harm in harm for harm in harms)),)
