"""Bytes become frames, frames become transactions, transactions get a meaning: one folder per protocol, no I/O.

Each protocol takes the same steps under the same names (framing, codec, function or service table, correlate, meaning,
refuse) and knows nothing of its neighbour protocols. Built on ``core`` alone; ``conversation`` drives it.
"""
