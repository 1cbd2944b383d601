"""The full form: `python -m faultkit [--short] [--kills N] [--peers] [WORD …]`; a word is part of a case's id."""

import argparse
import sys

from faultkit import cases_clients, cases_device, cases_files, cases_host, cases_logs, cases_own, cases_traffic  # noqa: F401
from faultkit.guards import Icsguard, Peer, peers
from faultkit.registry import CASES, CannotRun, Outcome, Verdict, run_case
from faultkit.stage import Stages
from faultkit.table import ordered, table


def chosen(words):
    """Return the cases whose id has one of the words, those on the shared guard first."""
    found = [case for case in CASES if not words or any(word in case.id for word in words)]
    return sorted(ordered(found), key=lambda case: (case.own is not None, case.own.__name__ if case.own else ""))


def run(cases, shared, *, full, kills):
    """Yield the outcome of each case on one kind of guard."""
    stages = Stages(shared, full=full, kills=kills)
    try:
        for case in cases:
            try:
                stage = stages.for_case(case)
            except CannotRun as why:
                yield Outcome(case, shared.name, Verdict.CANNOT, str(why), 0.0)
            except RuntimeError as error:
                yield Outcome(case, shared.name, Verdict.BROKEN, str(error), 0.0)
            else:
                outcome = run_case(case, stage)
                yield outcome
                if outcome.verdict is Verdict.BROKEN:
                    stages.close()  # what it left behind is not the next case's
    finally:
        stages.close()


class _PeerMaker:
    """Makes one kind of relay; a case that wants a guard of its own gets a fresh one."""

    def __init__(self, contender):
        self.name, self._contender = contender.name, contender

    def __call__(self, folder, main, sick):
        return Peer(folder, main, sick, self._contender)


def main(argv):
    """Run cases, print progress and the table; return 1 where one of ours is broken."""
    parser = argparse.ArgumentParser(prog="faultkit")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("words", nargs="*")
    options = parser.parse_args(argv)
    cases, outcomes, guards = chosen(options.words), [], [Icsguard.name]
    makers = [Icsguard]
    if options.peers:
        makers += [_PeerMaker(one) for one in peers()]
        guards += [one.name for one in makers[1:]]
    for maker in makers:
        mine = cases if maker is Icsguard else [_on_peer(case) for case in cases if case.peers]
        for outcome in run(mine, maker, full=not options.short, kills=options.kills):
            outcomes.append(outcome)
            start = f"{outcome.guard:<14}{outcome.verdict.value:<12}{outcome.case.id:<30}"
            say(f"{start}{outcome.seconds:6.1f} s  {outcome.seen}")
    say("\n" + table(outcomes, guards))
    return int(any(one.guard == Icsguard.name and one.verdict is Verdict.BROKEN for one in outcomes))


def _on_peer(case):
    from dataclasses import replace

    return case if case.own is None else replace(case, own=None, watch=case.watch)


def say(line):
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
