"""`python -m bench.opcua`: what an OPC UA conduit costs beside a plain relay, in one run; `make bench` ends with it."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence

import msgspec

from bench.build import OUTPUT
from bench.machine import this_machine
from bench.opcua.measure import CONTENDERS, UaRow, rows
from bench.opcua.table import targets, written
from bench.place import choose
from bench.table import target_table


def main(argv: Sequence[str] | None = None) -> int:
    """Measure; return 0 where every row came without errors."""
    parser = argparse.ArgumentParser(prog="python -m bench.opcua", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=4.0, help="measured seconds of a row (default %(default)s)")
    parser.add_argument("--security", default=",".join(CONTENDERS), help="of: %(default)s")
    parser.add_argument("--no-realtime", action="store_true", help="ordinary priority: rows are not steady")
    options = parser.parse_args(argv)
    place, folder = choose(realtime=not options.no_realtime), OUTPUT / f"opcua-{os.getpid()}"
    found: list[UaRow] = []
    try:
        for row in rows(place, folder, options.rounds, options.seconds, options.security.split(",")):
            found.append(row)
            told = row.problem or f"{row.per_second:9,.0f} requests/s, {row.cpu_us:6.1f} us of CPU each"
            print(f"round {row.round + 1}  {row.security:14} {row.contender:12} {told}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    text = f"{this_machine().words()}\n{place.words()}\n\n{written(found)}\n\n{target_table(targets(found))}"
    results = OUTPUT / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / "opcua.jsonl").write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in found))
    (results / "opcua.txt").write_text(f"{text}\n", encoding="utf-8")
    print(f"\n{text}")
    return 1 if any(row.errors for row in found) else 0


if __name__ == "__main__":
    sys.exit(main())
