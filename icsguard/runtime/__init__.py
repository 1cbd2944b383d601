"""The world: the only home of event loops, sockets, files, clocks, processes, signals and operational logs.

Three processes (gateway, shadow, recorder) and the supervisor that starts them. Each is a thin shell around the pure
packages below: it feeds them bytes and the time, and carries out what they return.
"""
