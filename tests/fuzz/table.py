"""The one table in which a campaign ends, and what counts as bad in it."""

MAX_SLOW_MS = 10.0
"""CPU time of one input (of one event, in a conversation)."""
MAX_GROWTH_KIB = 16 * 1024
"""Resident memory that a target may keep after its first fifth: arenas settle, a leak of 1 byte an input does not."""
MIN_BRANCHES = 95.0
"""Percent of branches that the short form reaches."""
MAX_SHOWN = 10
CODEC = "codec"
CONVERSATION = "conversations"
TALKS = ("own links", "shared links", "opcua talks")
_HEAD = ("target", "inputs", "inputs/s of CPU", "slowest", "memory", "failures", "branches reached")


def is_bad(figures, reach):
    """Say whether a promise was broken, an input slow, memory kept, or too little reached."""
    return any(
        one["failed"] or one["slowest_ms"] > MAX_SLOW_MS or one["growth_kib"] > MAX_GROWTH_KIB
        for one in figures.values()
    ) or any(percent < MIN_BRANCHES for percent in reach.values())


def failures(figures):
    """Return the failing inputs of all targets, as far as they are shown."""
    lines = []
    for one in figures.values():
        for name, what, shown in one["failures"][:MAX_SHOWN]:
            lines += [what, f"  --replay {name}", f"  {shown}"]
    return "".join(f"{line}\n" for line in lines)


def written(figures, reach, *, seconds, jobs, seed):
    """Return the table as text."""
    rows = []
    for whole, names in ((CODEC, [name for name in figures if name not in TALKS]), (CONVERSATION, TALKS)):
        parts = [(name, figures[name]) for name in names if name in figures]
        rows += [(name, one, None) for name, one in parts]
        if parts:
            rows.append((whole, _together([one for _, one in parts]), reach.get(whole)))
    lines = [_HEAD, *(_row(*row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = [
        "  ".join(cell.ljust(width) if not place else cell.rjust(width) for place, (cell, width) in enumerate(cells))
        for cells in (zip(line, widths, strict=True) for line in lines)
    ]
    total = sum(one["inputs"] for one in figures.values())
    text += [_dialogues([figures[name] for name in TALKS if name in figures])] if set(TALKS) & set(figures) else []
    rate = round(total / seconds) if seconds else 0
    text.append(f"{total} inputs in {seconds:.0f} s, {jobs} process{'es' * (jobs > 1)}, {rate}/s, seed {seed}")
    return "".join(f"{line}\n" for line in text)


def _row(name, one, percent):
    rate = round(one["inputs"] / one["cpu_s"]) if one["cpu_s"] else 0
    reached = f"{percent:.1f} %" if percent is not None else ""
    slowest = f"{one['slowest_ms']:.2f} ms" if one["slowest"] else f"< {one['slowest_ms']:.1f} ms"
    memory = f"{one['growth_kib'] / 1024:+.1f} MiB"
    return name, f"{one['inputs']}", f"{rate}", slowest, memory, f"{one['failed']}", reached


def _together(parts):
    slowest = max(parts, key=lambda one: one["slowest_ms"])
    sums = {key: sum(one[key] for one in parts) for key in ("inputs", "cpu_s", "growth_kib", "failed")}
    return {**sums, "slowest_ms": slowest["slowest_ms"], "slowest": slowest["slowest"]}


def _dialogues(talks):
    events = sum(one["seen"].get("events", 0) for one in talks)
    ends = sum(count for one in talks for name, count in one["seen"].items() if name != "events")
    return f"a conversation counts as one input: here {events} events, {ends} requests with their ends"
