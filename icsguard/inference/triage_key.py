"""The public half of the key that signed the shipped triage models; the private half is gone.

Written by `python -m icsguard.evaluation.train_triage models --key icsguard/inference/triage_key.py`.
"""

from typing import Final

TRIAGE_KEY: Final = bytes.fromhex("a4d574460f3a426be0cfaabc60b6a8bc27353533fbc4238336f2b5b0c1acabff")
