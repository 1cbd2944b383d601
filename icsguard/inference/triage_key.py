"""The public half of the key that signed a shipped model. The private half made one signature and is gone.

Written by `python -m icsguard.evaluation.train_triage models --key icsguard/inference/triage_key.py`.
"""

from typing import Final

TRIAGE_KEY: Final = bytes.fromhex("19ce0635fa5062c1083cd3fc8c7580ddc7bc3d1fcc48ad1f0ec238175296001d")
