"""Simulated plants, devices, clients and attacks on the shared codec, for the demo, the bench and the tests.

Needs the extra ``lab``. Traffic stays on the loopback interface; nothing in the guarding processes imports it.
"""
