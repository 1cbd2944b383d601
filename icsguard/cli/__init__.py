"""The command line: one file per noun, on top of everything else and needed by nothing.

Commands that talk to a running icsguard use the control socket only. Heavy imports happen inside the commands, so that
``icsguard status`` answers at once.
"""
