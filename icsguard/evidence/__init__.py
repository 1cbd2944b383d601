"""Everything leaves evidence: verdicts and actions become records that stand up to a later reader.

Only values here; the recorder process in ``runtime`` writes and ships them.
"""
