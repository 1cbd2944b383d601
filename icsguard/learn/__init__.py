"""Offline: recorded or live traffic becomes a proposed policy, a fitted twin and calibrated thresholds; and replay.

Needs the extra ``learn``. Uses the very same pure code as the running gateway, so a replay tells what would happen.
"""
