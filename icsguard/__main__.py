"""``python -m icsguard`` is the same command line as ``icsguard``."""

from icsguard.cli.app import main

if __name__ == "__main__":
    main()
