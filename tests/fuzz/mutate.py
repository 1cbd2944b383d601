"""Hurts many sound byte strings at once, by the errors that links, bugs and attackers make.

One row of a matrix is one string; behind its end the row is noise, so that a string that grows shows bytes that nobody
wrote, and a parser that reads past the end is found out. All steps work on columns of rows: about two microseconds each
string, so that most of a campaign's time belongs to the code under test.
"""

import numpy as np

WIDTH = 296
"""Bytes of a row: the largest ADU (260), and room to outgrow it."""
EDGES = np.array((0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0E, 0x7B, 0x7D, 0x7E, 0x7F, 0x80, 0xF5, 0xFB, 0xFE, 0xFF), np.uint8)
WORDS = np.array((0, 1, 0x7B, 0x7D, 0x07B0, 0x07D0, 0x7FFF, 0xFF00, 0xFFFE, 0xFFFF))
ROUNDS = (0.8, 0.45, 0.2, 0.1)
"""Chance of a first, second… error in one string."""
HEAD = 13
"""Functions, addresses, counts stand in the first bytes: half of all errors hit there."""
_COLUMNS = np.arange(WIDTH)


class Strings:
    """Rows of bytes with a size each."""

    def __init__(self, rows, sizes):
        self.rows, self.sizes = rows, sizes

    def __len__(self):
        return len(self.sizes)

    def clip(self, least, most):
        """Bound all sizes."""
        np.clip(self.sizes, least, most, out=self.sizes)

    def cut(self, start=0):
        """Return each row as bytes, without its first `start`."""
        data = self.rows.tobytes()
        begins = np.arange(len(self)) * WIDTH
        pairs = zip((begins + start).tolist(), (begins + np.maximum(self.sizes, start)).tolist(), strict=True)
        return [data[begin:end] for begin, end in pairs]


class Seeds:
    """Sound strings as a matrix, to be drawn from."""

    def __init__(self, strings):
        self.rows = np.zeros((len(strings), WIDTH), np.uint8)
        self.sizes = np.array([len(string) for string in strings])
        for row, string in zip(self.rows, strings, strict=True):
            row[: len(string)] = np.frombuffer(string, np.uint8)

    def draw(self, rng, count):
        """Return `count` of them with noise behind each end, and which ones they are."""
        chosen = rng.integers(0, len(self.sizes), count)
        sizes = self.sizes[chosen]
        noise = rng.integers(0, 256, (count, WIDTH), np.uint8)
        return Strings(np.where(_COLUMNS < sizes[:, None], self.rows[chosen], noise), sizes), chosen


def scatter(rng, strings, start=1):
    """Give most of the strings another address and many other data: the same shapes all over the tables."""
    rows = strings.rows
    by_name = np.isin(rows[:, start - 1], (8, 43))  # two bytes that name a sub-function or type: most others are opaque
    moved = rng.random(len(strings)) < np.where(by_name, 0.1, 0.85)
    rows[moved, start : start + 2] = rng.integers(0, 256, (int(moved.sum()), 2), np.uint8)
    rows[moved & (rng.random(len(strings)) < 0.3), start] = 0xFF  # where tables end
    refilled = rng.random(len(strings)) < 0.4
    at = start + 5
    rows[refilled, at:] = rng.integers(0, 256, (int(refilled.sum()), WIDTH - at), np.uint8)


def hurt(rng, strings, head=HEAD):
    """Put up to four errors into each string; a fifth stays as it is."""
    for chance in ROUNDS:
        which = rng.integers(0, len(_ERRORS), len(strings))
        which[rng.random(len(strings)) >= chance] = -1
        for number, error in enumerate(_ERRORS):
            index = np.nonzero(which == number)[0]
            if index.size:
                error(rng, strings, index, _places(rng, strings.sizes[index], head))


def _places(rng, sizes, head):
    reach = np.where(rng.random(len(sizes)) < 0.5, np.minimum(sizes, head), sizes)
    return (rng.random(len(sizes)) * np.maximum(reach, 1)).astype(np.int64)


def _flip(rng, strings, index, at):
    strings.rows[index, at] ^= np.left_shift(1, rng.integers(0, 8, len(index))).astype(np.uint8)


def _edge(rng, strings, index, at):
    strings.rows[index, at] = EDGES[rng.integers(0, len(EDGES), len(index))]


def _near(rng, strings, index, at):
    """Count one or two wrong: where limits are off by one."""
    steps = np.array((1, 2, 254, 255), np.uint8)
    strings.rows[index, at] += steps[rng.integers(0, 4, len(index))]


def _noise(rng, strings, index, at):
    strings.rows[index, at] = rng.integers(0, 256, len(index), np.uint8)


def _word(rng, strings, index, at):
    words = np.array((0, 1, 0x7B, 0x7D, 0x07B0, 0x07D0, 0x7FFF, 0xFF00, 0xFFFE, 0xFFFF))[
        rng.integers(0, 10, len(index))
    ]
    strings.rows[index, at] = words >> 8
    strings.rows[index, at + 1] = words & 0xFF


def _cut(_rng, strings, index, at):
    strings.sizes[index] = at


def _grow(rng, strings, index, _at):
    strings.sizes[index] = np.minimum(strings.sizes[index] + rng.choice((1, 1, 2, 3, 7, 40), len(index)), WIDTH - 20)


def _drop(rng, strings, index, at):
    _shift(strings, index, at, rng.choice((1, 1, 2, 2, 7), len(index)))


def _insert(rng, strings, index, at):
    """Repeat one to nine bytes."""
    _shift(strings, index, at, -rng.choice((1, 1, 2, 2, 7, 9), len(index)))


def _shift(strings, index, at, steps):
    """Take `steps` bytes out at each place, or repeat as many where `steps` is below zero."""
    taken = _COLUMNS + np.where(_COLUMNS >= at[:, None], steps[:, None], 0)
    rows = np.take_along_axis(strings.rows[index], np.clip(taken, 0, WIDTH - 1), axis=1)
    strings.rows[index] = rows
    strings.sizes[index] = np.clip(strings.sizes[index] - steps, 0, WIDTH - 20)


def _splice(rng, strings, index, at):
    """Go on as another string does."""
    other = rng.integers(0, len(strings), len(index))
    strings.rows[index] = np.where(_COLUMNS < at[:, None], strings.rows[index], strings.rows[other])
    strings.sizes[index] = np.maximum(strings.sizes[other], at)


_ERRORS = (_flip, _edge, _near, _noise, _word, _cut, _grow, _drop, _insert, _splice)


def frame(rng, strings):
    """Put a header before each PDU in place: rows become whole ADUs with any transaction and unit identifier."""
    strings.clip(1, 253)
    strings.rows[:, 7:] = strings.rows[:, :-7].copy()
    strings.rows[:, :2] = rng.integers(0, 256, (len(strings), 2), np.uint8)
    strings.rows[:, 2:4] = 0
    strings.rows[:, 4] = 0  # the length is below 256
    strings.rows[:, 5] = strings.sizes + 1
    strings.rows[:, 6] = np.array((0, 1, 17, 255), np.uint8)[rng.integers(0, 4, len(strings))]
    strings.sizes += 7
