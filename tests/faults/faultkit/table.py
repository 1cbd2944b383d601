"""One table: what was required, what was seen, how it ended; and the page of the documentation that lists the cases."""

import textwrap

from faultkit.registry import CASES, Verdict

MAX_SEEN = 110
_WORDS = {Verdict.HELD: "held", Verdict.BROKEN: "broken", Verdict.CANNOT: "cannot run"}
PAGE = """# Faults

Made by `python tests/faults/page.py > docs/reference/faults.md`; do not edit by hand.

`make faults` puts each of these in its way against the real processes and ends in one table of what was seen
(`KILLS=1000` for a thousand deaths of the gateway, `PEERS=1` to put other relays through the same, `FAULTS="D6 S1"` for
some of them). `make test` runs the short form.

While a case runs, these must hold too, or it is broken:

- Nothing malformed reaches a device, judged by a second parser that shares nothing with ours.
- No write reaches a device twice; every write that was acknowledged to a client is in the device.
- A bystander that polls 20 times a second on the same conduit gets right answers only, keeps its connection (unless the
  gateway itself was killed or stopped), and its p99 stays within twice its quiet one. Each poll is done without a
  gateway too: what the machine did to that one is taken off, and the time that the gateway was ready to run and had no
  processor (by the kernel's count). Below 5 ms (30 ms in the short form, where a p99 is the
  worst of a few polls) it is the scheduler's. A case that broke by this time alone runs once more: what is ours comes
  again, what is the machine's does not.

| fault | what happens | required | shown by |
|---|---|---|---|
"""


def page():
    """Return docs/reference/faults.md."""
    rows = [f"| {one.fault} | {one.what} | {one.required} | `{one.id}` |" for one in ordered(CASES)]
    return PAGE + "\n".join(rows) + "\n"


def ordered(cases):
    """Return cases in the order of the list of faults."""
    order = "TCDHSL"
    return sorted(cases, key=lambda one: (order.index(one.fault[0]), int(one.fault[1:])))


def table(outcomes, guards):
    """Return the table of a run; one column of verdicts for each guard."""
    by = {(one.case.id, one.guard): one for one in outcomes}
    ours = guards[0]
    lines = [_line("case", "verdict", "seen", guards[1:]), "-" * 150]
    for case in ordered({one.case.id: one.case for one in outcomes}.values()):
        mine = by.get((case.id, ours))
        others = [_short(by.get((case.id, guard))) for guard in guards[1:]]
        verdict, seen = (mine.verdict.value, mine.seen) if mine else ("-", "")
        first, *rest = textwrap.wrap(seen, MAX_SEEN) or [""]
        lines.append(_line(case.id, verdict, first, others))
        lines += [f"{'':52}{part}" for part in rest]
        lines.append(f"{'':8}{case.what}: {case.required}")
    return "\n".join([*lines, "", *_sums(outcomes, guards)])


def _line(name, verdict, seen, others):
    columns = "".join(f"{one:<14}" for one in others)
    return f"{name:<40}{verdict:<12}{columns}{seen}"


def _short(outcome):
    if outcome is None:
        return "-"
    return _WORDS[outcome.verdict]


def _sums(outcomes, guards):
    for guard in guards:
        own = [one.verdict for one in outcomes if one.guard == guard]
        counts = (f"{own.count(one)} {_WORDS[one]}" for one in Verdict)
        yield f"{guard}: {', '.join(counts)}"
    for one in outcomes:
        if one.guard != guards[0] and one.verdict is not Verdict.HELD:
            yield f"  {one.guard:<14}{one.case.id:<36}{one.seen[:160]}"
