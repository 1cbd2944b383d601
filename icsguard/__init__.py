"""icsguard: an inline security gateway for industrial protocols, with a shadow twin that tries each write first.

The story in one line: bytes become frames; frames become transactions; policy and the shadow judge each transaction;
the verdict is acted on the wire; everything leaves evidence. docs/ARCHITECTURE.md tells it at length.
"""

__version__ = "0.1.0"
