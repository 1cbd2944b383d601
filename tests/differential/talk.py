"""Hold seeded dialogues and print a digest of each: run on two cores, the lines must be equal.

`python talk.py FUZZ_FOLDER COUNT`, with ICSGUARD_CORE; the first line says which core it was.
"""

import dataclasses
import hashlib
import sys

from icsguard.runtime import compiled

compiled.choose()
sys.path.insert(0, sys.argv[1])

from conversations import Conversations  # noqa: E402 - from the folder just named
from shared_links import SharedConversations  # noqa: E402 - likewise

from icsguard.conversation import session  # noqa: E402 - from the core just chosen

SEED = 11


def trace(dialogue):
    """Return the digest of all that was sent, recorded and counted."""
    run = dialogue.guard.run
    records = [dataclasses.astuple(record) for record in run.recent]
    told = (dialogue.said, records, dialogue.guard.counters, run.transactions, run.records_made)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def held(target, number):
    """Hold one dialogue, every third with its bytes chopped; a broken promise is the campaign's matter, not ours."""
    try:
        dialogue = target._held(number, chopping=number if number % 3 == 0 else None)
    except AssertionError as broken:
        return f"broken: {broken}"
    return f"{len(dialogue.said)} events, {trace(dialogue)}"


def main():
    """Hold dialogues over both kinds of links."""
    said = ["Python" if session.__file__.endswith(".py") else "compiled"]
    for target in (Conversations(SEED), SharedConversations(SEED)):
        target.batch(0)
        lines = (f"{target.name} {number}: {held(target, number)}" for number in range(int(sys.argv[2])))
        said.extend(lines)
    sys.stdout.write("\n".join(said) + "\n")


if __name__ == "__main__":
    main()
