"""The one table of defects: codes, clauses, answers."""

import pytest

from icsguard.protocols.opcua.defects import DEFECTS, defect
from icsguard.protocols.opcua.status import STATUS


def test_a_defect_carries_its_clause_and_its_answer():
    found = defect("codec-depth", "values nested more than 8 deep")
    assert ("codec-depth", "values nested more than 8 deep (P6 §5.2.2.12)") == found[:2]
    assert (False, STATUS["BadEncodingLimitsExceeded"]) == (found.fatal, found.reply)


@pytest.mark.parametrize("law", DEFECTS.values(), ids=list(DEFECTS))
def test_every_law_has_clause_meaning_and_a_bad_answer_or_none(law):
    assert law.clause.startswith(("P4 §", "P6 §", "P7 §", "choice"))
    assert len(law.meaning.split()) > 3
    assert law.reply == 0 or law.reply in STATUS.values()


def test_what_breaks_framing_or_channel_ends_the_connection_and_nothing_else_does():
    fatal = {code for code, law in DEFECTS.items() if law.fatal}
    assert fatal == {code for code in DEFECTS if code.startswith(("uacp-", "chunk-", "channel-"))}
