"""``icsguard.toml`` becomes frozen options; every mistake in it is reported at once, with file, line and hint.

The only package that knows TOML. Text comes in and options go out; ``runtime`` reads the files.
"""
