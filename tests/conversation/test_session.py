"""The transcripts, each played with the hot path, without it, and with the client's bytes one by one."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.conversation.api import ToClient, ToDevice
from icsguard.conversation.session import MAX_WAITING
from icsguard.conversation.states import LinkState
from icsguard.core.clock import SECOND
from icsguard.core.transaction import Outcome

TRANSCRIPTS = Path(__file__).resolve().parent.parent / "transcripts"
FILES = sorted(TRANSCRIPTS.glob("*.txt"))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
@pytest.mark.parametrize("fast", [True, False], ids=["hot", "cold"])
def test_the_conversation_goes_as_written(play, file, fast):
    _, wrong = play(file.read_text(encoding="utf-8"), fast=fast)
    assert [] == [f"line {line}: expected {expected!r}, happened {happened!r}" for line, expected, happened in wrong]
