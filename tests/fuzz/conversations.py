"""Dialogues as a target of the campaign; every fourth is held twice, chopped otherwise and without the hot path."""

from collections import Counter

import settings_pool as pool
from cast import Material
from own_links import OwnLinks


class Conversations:
    """Dialogues on links of the clients' own."""

    name = "own links"
    size = 128
    kind = OwnLinks

    def __init__(self, seed):
        self.seed = seed
        self._mixtures = self.mixtures(seed)
        self._number, self._material = -1, None
        self._longest_ns = 0

    def mixtures(self, seed):
        """Return the conduits on which dialogues take place."""
        return pool.mixtures(seed)

    def batch(self, number):
        if number // 64 != self._number:
            self._number = number // 64
            self._material = Material(self.seed, self._number)
        return range(number * self.size, (number + 1) * self.size)

    def check(self, number, seen):
        dialogue = self._held(number)
        self._longest_ns = dialogue.longest_ns
        seen["events"] += len(dialogue.said)
        for watch in dialogue.watches:
            for _, _, outcome in watch.ended:
                seen[outcome.name.lower()] += 1
        if number % 4 == 0:
            self._compare(dialogue, self._held(number, chopping=number))

    def _held(self, number, chopping=None):
        mixture = self._mixtures[number % len(self._mixtures)]
        dialogue = self.kind(mixture, self._material, f"{self.seed} {number}", chopping=chopping)
        dialogue.run()
        return dialogue

    def _compare(self, one, other):
        assert one.said == other.said, "another chopping, another conversation"
        told = [Counter((record.kind, record.text) for record in talk.guard.run.recent) for talk in (one, other)]
        assert told[0] == told[1], "another chopping, other records"

    def longest_event_ns(self):
        """Return the CPU time of the longest event of the dialogue checked last."""
        return self._longest_ns

    def show(self, number):
        conduit = self._mixtures[number % len(self._mixtures)][0]
        return f"dialogue {number}: {conduit.mode}, policy {conduit.policy.digest!r}, quirks {conduit.quirks}"
