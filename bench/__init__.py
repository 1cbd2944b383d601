"""Side by side: icsguard and what else could stand in its place, under one load, on one machine, in one run.

Not part of the product. `python -m bench` (or `make bench`) measures; docs/performance.md explains each number.
"""
