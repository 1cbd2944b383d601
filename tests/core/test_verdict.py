"""Verdicts survive the way between processes; the plain permission has nothing in it."""

import msgspec

from icsguard.core.decision import Decision, Layer
from icsguard.core.verdict import ALLOWED, Reason, Verdict


def test_a_plain_permission_has_no_reason_no_reply_and_is_not_cached():
    assert ALLOWED == Verdict(Decision.ALLOW, Decision.ALLOW, (), 0, 0, "")


def test_a_verdict_survives_msgpack():
    reason = Reason(Layer.POLICY, "no-rule", "No rule allows it.", Decision.REFUSE, reply=1)
    verdict = Verdict(Decision.REFUSE, Decision.REFUSE, (reason,), reply=1)
    assert verdict == msgspec.msgpack.decode(msgspec.msgpack.encode(verdict), type=Verdict)
