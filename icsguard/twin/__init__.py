"""What the process should do: an image of the plant and learned models that observe, predict and try a write first.

Fed with observations from the mirrored traffic, scored through ``inference``; its residuals and roll-outs are the raw
material of ``detect``.
"""
