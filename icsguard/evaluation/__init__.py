"""How good icsguard is: simulated plants and recorded data, attacked by the hundred, with every number reproducible.

Above `lab` and `learn`, which do not know each other: it takes plants from the one and fits the other's twins to them.
"""
