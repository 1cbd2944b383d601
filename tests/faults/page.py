"""Print docs/reference/faults.md: `python tests/faults/page.py > docs/reference/faults.md`."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parent.parent.parent)]
    from faultkit import __main__ as everything  # it loads all cases
    from faultkit.table import page

    everything.say(page().rstrip("\n"))
