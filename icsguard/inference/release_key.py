"""The public half of the key that signed the shipped models. The private half made one signature and is gone.

Written by `python -m icsguard.learn.train_flow models --key icsguard/inference/release_key.py`.
"""

from typing import Final

RELEASE_KEY: Final = bytes.fromhex("aeaaef3db926111bdb7da2395de3e146407f7ffecfd301e30c73275f873b3bf6")
