"""Who may do what: points, rules, presets, grants and modes become one deterministic decision per transaction.

Policy always speaks first and denies by default. It judges the meanings that ``protocols`` produces, knows nothing of
the detectors beside it, and answers to ``conversation``.
"""
