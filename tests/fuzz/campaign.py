"""Throws N seeded inputs at framing, codec, pairing, encoders and conversations; ends in one table.

The same seed and number give the same inputs, however many processes share them. A failing input is named by its
target, batch and place, and can be given back with `--replay`. Exit status 1 if a promise was broken.
"""

import argparse
import json
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import reduce
from multiprocessing import get_context
from pathlib import Path

import reached
import table
from answer_target import Answers
from conversations import Conversations
from framing_target import Framing
from opcua_talks import UaTalks
from opcua_target import UaChannels, UaMessages, UaStreams
from pairing_target import Pairings
from request_target import Requests
from rtu_target import Rtu
from shared_links import SharedConversations
from tally import Tally, added
from writing_target import Writing

SHARES = {
    Framing: 0.33,
    Requests: 0.35,
    Answers: 0.3,
    Rtu: 0.005,
    Pairings: 0.01,
    Writing: 0.0025,
    Conversations: 0.00125,
    SharedConversations: 0.00125,
}
"""Part of N that each target gets: much where an input is cheap."""
OPCUA = {UaMessages: 0.5, UaStreams: 0.3, UaChannels: 0.199, UaTalks: 0.001}
"""The same for OPC UA, in a campaign of its own (`--protocol opcua`)."""
TARGETS = {target.name: target for target in (*SHARES, *OPCUA)}
WARM = 0.2  # part of the batches after which memory must not grow any more
ROUNDS = 200  # turns in which the targets alternate, so that a campaign cut short has tried them all
TOLD_EVERY_S = 60


def size_of(target):
    return getattr(target, "size", 4096)


def plan(inputs, names):
    """Return how many batches each target gets, at least one."""
    chosen = {target: share for target, share in (SHARES | OPCUA).items() if target.name in names}
    whole = sum(chosen.values())
    return {target: max(1, round(inputs * share / whole / size_of(target))) for target, share in chosen.items()}


def work(job, jobs, batches, seed, seconds):
    """Do every batch that falls to process `job` of `jobs`, until `seconds` are over; return figures by target."""
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C ends a campaign early, with its table
        signal.signal(number, lambda *_: stopped.append(True))
    tallies = {target: Tally(target(seed)) for target in batches}
    ends, told = time.monotonic() + seconds, time.monotonic()
    for turn in range(ROUNDS):
        for target, many in batches.items():
            for number in range(many * turn // ROUNDS, many * (turn + 1) // ROUNDS):
                if stopped or time.monotonic() > ends:
                    return {target.name: tally.figures() for target, tally in tallies.items()}
                if number % jobs == job:
                    tallies[target].run(number, is_warm=number >= many * WARM)
        if job == 0 and time.monotonic() - told > TOLD_EVERY_S:
            told = time.monotonic()
            _tell(turn, tallies.values())
    return {target.name: tally.figures() for target, tally in tallies.items()}


def _tell(turn, tallies):
    done, failed = sum(tally.inputs for tally in tallies), sum(tally.failed for tally in tallies)
    sys.stderr.write(f"{100 * (turn + 1) // ROUNDS} %: {done} inputs in this process, {failed} failures\n")
    sys.stderr.flush()


def campaign(options):
    """Run it in as many processes as asked for; return figures by target, and what went wrong with the processes."""
    usual = OPCUA if options.protocol == "opcua" else SHARES
    batches = plan(options.inputs, options.target or {target.name for target in usual})
    tasks = [(job, options.jobs, batches, options.seed, options.minutes * 60) for job in range(options.jobs)]
    if options.jobs == 1:
        return work(*tasks[0]), ""
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        running = [pool.submit(work, *task) for task in tasks]
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # the processes got it as well: their figures will come
        try:
            shares = [one.result() for one in running]
        except BrokenProcessPool as error:
            return {}, f"a process died: {error}"
    return {name: reduce(added, [share[name] for share in shares]) for name in shares[0]}, ""


def replay(seed, name, batch, place):
    """Check one input again and let its error through."""
    target = TARGETS[name](seed)
    one = target.batch(int(batch))[int(place)]
    sys.stdout.write(f"{target.show(one)}\n")
    target.check(one, Counter())


def main():
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=200_000, help="inputs of all targets together")
    parser.add_argument("--jobs", type=int, default=1, help="processes that share them")
    parser.add_argument("--seed", type=int, default=1, help="another seed gives other inputs")
    parser.add_argument("--protocol", choices=["modbus", "opcua"], default="modbus", help="whose targets")
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="only this one (may be repeated)")
    parser.add_argument("--minutes", type=float, default=600.0, help="end after so long, whatever was done by then")
    parser.add_argument("--coverage", action="store_true", help="measure what the inputs reach, in a run of its own")
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    parser.add_argument("--replay", nargs=3, metavar=("TARGET", "BATCH", "PLACE"), help="check one input again")
    options = parser.parse_args()
    if options.replay:
        replay(options.seed, *options.replay)
        return 0
    began = time.monotonic()
    figures, broken = campaign(options)
    seconds = time.monotonic() - began
    reach = reached.measure(options.seed) if options.coverage and options.protocol == "modbus" else {}
    if options.json:
        found = {"seed": options.seed, "jobs": options.jobs, "seconds": seconds, "targets": figures, "reached": reach}
        options.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    sys.stdout.write(table.written(figures, reach, seconds=seconds, jobs=options.jobs, seed=options.seed))
    sys.stderr.write(table.failures(figures) + broken)
    return 1 if broken or table.is_bad(figures, reach) else 0


if __name__ == "__main__":
    sys.exit(main())
