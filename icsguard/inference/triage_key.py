"""The public half of the key that signed a shipped model. The private half made one signature and is gone.

Written by `python -m icsguard.evaluation.train_triage models --key icsguard/inference/triage_key.py`.
"""

from typing import Final

TRIAGE_KEY: Final = bytes.fromhex("c4cfc0097b7f1e4ab983cec799fc00dfffc2cc288a9f13a2c8b7bdd91c34e38e")
