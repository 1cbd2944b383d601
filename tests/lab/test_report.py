import re
from html.parser import HTMLParser

import msgspec
import pytest

from icsguard.lab.report import MAX_BYTES, html
from icsguard.lab.trial import Caught, Check, Try

HOSTILE = '"><script>alert(1)</script><img src=http://evil/>\x1b[2J'


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def tags(text):
    parser = Tags()
    parser.feed(text)
    return parser.seen


def test_the_report_needs_neither_script_nor_network(outcome):
    text = html(outcome())
    assert not re.search(r"https?://|@import|url\(", text)
    seen = tags(text)
    assert {tag for tag, _attrs in seen} & {"script", "link", "img", "iframe", "object"} == set()
    assert not any(name.startswith("on") or name in {"src", "href"} for _tag, attrs in seen for name in attrs)


def test_the_report_tells_each_attack_with_its_fate_and_its_harm(outcome):
    text = html(outcome())
    assert "All 2 attacks were stopped and 0 of 1900 normal requests were hurt" in text
    assert "Unknown client writes" in text
    assert "all 3 refused" in text
    assert "tank 1 overflowed" in text
    assert "The twin says: overflow." in text
    assert sum(1 for tag, _attrs in tags(text) if tag == "svg") == 3


def test_text_from_the_network_is_escaped(outcome, trial):
    hostile = trial(
        title=HOSTILE,
        story=HOSTILE,
        caught=Caught(("policy",), (HOSTILE,), "policy", HOSTILE, HOSTILE, HOSTILE),
        tries=(Try(HOSTILE, "refused", 1, 1.0, harmless=False),),
    )
    text = html(outcome(guarded=(hostile,), explanation=(HOSTILE,), policy=HOSTILE))
    assert "<script" not in text
    assert not any(tag == "img" for tag, _attrs in tags(text))


def test_what_did_not_hold_comes_first(outcome, trial):
    text = html(outcome(guarded=(trial(checks=(Check("the device never saw it", held=False),)),)))
    assert "Not everything went as expected" in text
    assert "behind the gateway: not so: the device never saw it" in text


def test_a_report_that_nobody_could_mail_is_an_error(outcome):
    with pytest.raises(ValueError, match=f"more than {MAX_BYTES}"):
        html(outcome(policy="x" * MAX_BYTES))


def test_fourteen_attacks_with_long_curves_stay_far_below_the_limit(outcome):
    long = msgspec.structs.replace(
        outcome().guarded[0].curve,
        times=tuple(number / 10 for number in range(2000)),
        values=tuple(2.0 + number % 7 / 100 for number in range(2000)),
    )
    trials = [msgspec.structs.replace(outcome().guarded[0], key=f"k{number}", curve=long) for number in range(14)]
    text = html(outcome(guarded=tuple(trials), bare=tuple(trials)))
    assert len(text.encode()) < 0.7 * MAX_BYTES
