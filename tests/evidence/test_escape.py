import pytest
from hypothesis import given
from hypothesis import strategies as st

from icsguard.evidence.escape import UNSAFE, as_html, cut, from_wire, plain


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("pump 1", "pump 1"),
        ("Füllstand °C", "Füllstand °C"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("safe\u202etxt.exe", "safe\\u202etxt.exe"),
        ("\u2028", "\\u2028"),
        ("\udc80", "\\udc80"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_acts_on_a_screen_is_shown_by_its_code_point(raw, shown):
    assert shown == plain(raw)


def test_long_text_is_cut_and_says_so():
    assert "xxxx (cut)" == plain("x" * 100_000, 4)
    assert "xxxx" == cut("xxxx", 4)


def test_a_long_run_of_unsafe_characters_is_cut_too():
    assert len(plain("\x00" * 10**6, 10)) <= 10 + len(" (cut)")


def test_bytes_that_are_no_text_are_shown_as_bytes():
    assert "PLC\\xff\\xfe\\x00 é" == from_wire(b"PLC\xff\xfe\x00 \xc3\xa9")


def test_html_cannot_be_left():
    assert "&lt;script&gt;&#x27;&quot;&amp;\\x00" == as_html("<script>'\"&\x00")


@given(st.text(alphabet=st.characters(), max_size=200))
def test_whatever_comes_nothing_unsafe_is_left(text):
    shown = plain(text)
    assert UNSAFE.search(shown) is None
    assert shown == shown.encode("utf-8").decode("utf-8") == plain(shown)


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_become_safe_text(data):
    assert UNSAFE.search(from_wire(data)) is None
