"""Somebody on the path: echoes changed, one reader deceived, answers late or withheld, writes swallowed, floods.

Facts §6 rows 10 to 12 as far as the mirrored traffic shows them. None of it needs a threshold on values: each is found
by an exact check of the image, of answers or of conduct, or it is not found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from icsguard.core.clock import MS, SECOND
from icsguard.core.finding import Finding
from icsguard.core.meaning import Table
from icsguard.core.registers import words_of
from icsguard.core.transaction import Outcome, Transaction
from icsguard.evaluation.bench import DISTURBANCES, Bench
from icsguard.evaluation.clean import UNUSUAL
from icsguard.evaluation.metrics import Tally
from icsguard.lab.plants.api import POLL_S, UNIT
from icsguard.lab.plants.site import CLIENT, PlantSite
from icsguard.protocols.modbus import build
from icsguard.protocols.modbus.pdu import parse_request

LENGTH: Final = 30
"""Polls that a disturbance lasts at most."""
REST: Final = 40
WARM_UP: Final = 60
SECOND_READER: Final = "10.0.0.22"
_LEAST, _MOST = 0.03, 0.3
_DELAY_MS: Final = (60, 500)
_FLOOD: Final = 800
"""Requests of a flood, within a second."""


class _Trial:
    """One plant under way with the shadow beside it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.site, self.shift, self.guard = (
            bench.site(DISTURBANCES),
            bench.shift(DISTURBANCES),
            bench.taught.guard(),
        )
        self.noise = bench.noise(DISTURBANCES)
        self.lie = ("", 0.0)
        """Sensor and share of its span, of the reader that is deceived now."""

    def see(self, transactions: Sequence[Transaction]) -> bool:
        """Mirror transactions; say whether anything is told that counts."""
        return _counts(self.guard.see(transactions))

    def rest(self, polls: int) -> None:
        """Let normal operation go on, with a second reader now and then, as a historian reads."""
        for _ in range(polls):
            self.see([*self.site.poll(), *read_again(self.site)])
            for name, value in self.shift.due():
                self.see([self.site.write(name, value)])


def _counts(findings: Sequence[Finding]) -> bool:
    return any(one.code not in UNUSUAL for one in findings)


def read_again(site: PlantSite, lie: tuple[str, float] = ("", 0.0)) -> list[Transaction]:
    """Let a second client read what the poll has just shown; `lie` adds to one sensor, for that client alone."""
    tags = [tag for tag in site.plant.tags if tag.table is Table.INPUT]
    words = []
    for tag in tags:
        value = site.shown[tag.name] + (lie[1] if tag.name == lie[0] else 0.0)
        words.append(min(max(round((value - tag.offset) / tag.scale), 0), 0xFFFF))
    pdu = build.read(4, 0, len(tags))
    return [site.request(pdu, client=SECOND_READER, answer=build.answer(parse_request(UNIT, pdu), words))]


def _changed_echo(trial: _Trial, _poll: int) -> bool:
    """A register write whose echo names another value: the device was told something else."""
    site = trial.site
    tags = [tag for tag in trial.bench.plant.commands if tag.table is Table.HOLDING]
    tag = tags[int(trial.noise.integers(len(tags)))]
    point, told = site.points[tag.name], site.told[tag.name]
    word = words_of(point, told)[0]
    asked, echoed = build.write_register(point.address, word), build.write_register(point.address, word ^ 1)
    return trial.see([*site.poll(), site.request(asked, client=CLIENT, answer=echoed)])


def _deceived(trial: _Trial, poll: int) -> bool:
    """The second reader is shown another value of one sensor."""
    if not poll:
        sensors = [tag.name for tag in trial.bench.plant.measured if trial.bench.spans[tag.name] > 0]
        trial.lie = sensors[int(trial.noise.integers(len(sensors)))], float(trial.noise.uniform(_LEAST, _MOST))
    name, share = trial.lie
    return trial.see([*trial.site.poll(), *read_again(trial.site, (name, share * trial.bench.spans[name]))])


def _delayed(trial: _Trial, _poll: int) -> bool:
    """Every answer comes later."""
    late = [
        one._replace(response_at=one.response_at + int(trial.noise.uniform(*_DELAY_MS)) * MS)
        for one in trial.site.poll()
    ]
    return trial.see(late)


def _withheld(trial: _Trial, _poll: int) -> bool:
    """No answer comes."""
    lost = [one._replace(response=b"", response_at=0, outcome=Outcome.TIMED_OUT) for one in trial.site.poll()]
    return trial.see(lost)


def _stopped(trial: _Trial, _poll: int) -> bool:
    """The polls themselves no longer reach the gateway."""
    trial.site.poll()
    return _counts(trial.guard.wait(trial.site.now + int(POLL_S * SECOND)))


def _swallowed(trial: _Trial, poll: int) -> bool:
    """A write is acknowledged by somebody on the way; the device never sees it."""
    found = trial.see(trial.site.poll())
    if poll:
        return found
    tags = [tag for tag in trial.bench.plant.commands if tag.usual is not None]
    tag = tags[int(trial.noise.integers(len(tags)))]
    low, high = tag.usual or (0.0, 1.0)
    now = trial.site.told[tag.name]
    return trial.see([trial.site.write(tag.name, low if now > (low + high) / 2 else high, lost=True)])


def _behind(trial: _Trial, poll: int) -> bool:
    """A command is changed in the device, and no write went through the gateway."""
    site = trial.site
    if not poll:
        tags = [tag for tag in trial.bench.plant.commands if tag.usual is not None]
        tag = tags[int(trial.noise.integers(len(tags)))]
        low, high = tag.usual or (0.0, 1.0)
        site.told[tag.name] = low if site.told[tag.name] > (low + high) / 2 else high
    return trial.see(site.poll())


def _flooded(trial: _Trial, _poll: int) -> bool:
    """A known client asks without pause."""
    site = trial.site
    answered = site.poll()
    one = answered[0]
    gap = SECOND // _FLOOD
    return trial.see(
        [
            *answered,
            *(one._replace(request_at=site.now + n * gap, response_at=site.now + n * gap + MS) for n in range(_FLOOD)),
        ]
    )


KINDS: Final[dict[str, tuple[str, Callable[[_Trial, int], bool]]]] = {
    "changed echo": ("10", _changed_echo),
    "one reader deceived": ("10", _deceived),
    "write swallowed": ("10, 11", _swallowed),
    "command changed behind the gateway": ("10", _behind),
    "answers delayed": ("11", _delayed),
    "answers withheld": ("11", _withheld),
    "polls stopped": ("11", _stopped),
    "flood": ("12", _flooded),
}
"""Kind to (row of the attack table, what happens at each poll; True: found)."""


def measure(bench: Bench, each: int) -> dict[str, Tally]:
    """Carry out so many disturbances of each kind in random order."""
    trial = _Trial(bench)
    trial.rest(WARM_UP)
    found = {kind: Tally() for kind in KINDS}
    kinds = [kind for kind in KINDS for _ in range(each)]
    for index in trial.noise.permutation(len(kinds)):
        kind = kinds[int(index)]
        before = dict(trial.site.told)
        delay = next((float(poll) for poll in range(LENGTH) if KINDS[kind][1](trial, poll)), None)
        found[kind].add(delay)
        trial.site.told.update(before)
        trial.rest(REST)
    return found
