import pytest

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.policy.rules import Action, Rate, Rule, Service, Target, Window
from icsguard.policy.words import parse_target, place, rate_text, reference, rule_text, target_text, window_text


@pytest.mark.parametrize(
    ("table", "address", "form"),
    [
        (Table.HOLDING, 499, "40500"),
        (Table.COIL, 0, "00001"),
        (Table.HOLDING, 9998, "49999"),
        (Table.HOLDING, 9999, "410000"),
        (Table.INPUT, 65535, "365536"),
    ],
)
def test_an_address_is_shown_as_manuals_count(table, address, form):
    assert form == reference(table, address)


def test_places_are_written_with_both_forms():
    assert "holding 100..101 (40101)" == place(Table.HOLDING, AddressRange(100, 101))
    assert "file 4 record 0..9" == place(Table.FILE, AddressRange(0, 9), 4)


@pytest.mark.parametrize("text", ["holding 0..39", "coil 5", "file 4:0..99", "input 65535"])
def test_a_target_is_read_as_it_is_written(text):
    assert text == target_text(parse_target(text))


def test_both_ends_of_a_range_are_included():
    assert Target(Table.HOLDING, AddressRange(500, 600)) == parse_target("  holding  500..600 ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("coils 4", "names no range"),
        ("holding", "names no range"),
        ("holding 5..2", "runs backwards"),
        ("holding 65536", "0-based, 0 to 65535"),
        ("holding -1", "is no address"),
        ("holding 99999999999999999999", "is no address"),
        ("file 4", "names no records"),
        ("holding ²", "is no address"),
    ],
)
def test_what_is_no_target_says_what_to_write(text, message):
    with pytest.raises(ValueError, match=message):
        parse_target(text)


def test_rates_and_windows_are_shown_as_they_are_written():
    assert ["10/s", "6/min", "3/20s"] == [
        rate_text(Rate(10, 10**9)),
        rate_text(Rate(6, 60 * 10**9)),
        rate_text(Rate(3, 20 * 10**9)),
    ]
    assert "Mon-Fri 06:00-18:00" == window_text(Window((0, 1, 2, 3, 4), 360, 1080))
    assert "Sat,Sun 22:00-24:00" == window_text(Window((5, 6), 1320, 1440))


def test_a_rule_is_a_sentence(holding):
    rule = Rule(
        "r", ("hmi",), (1,), (Service(6), Service(8, 0)), targets=(holding(0, 9),), minimum=1, maximum=5,
        rate=Rate(1, 10**9), hours=(Window((0,), 0, 60),),
    )  # fmt: skip

    assert "hmi may use functions 6, 8/0 on unit 1: holding 0..9, values 1 to 5, 1/s, Mon 00:00-01:00" == rule_text(
        rule
    )


@pytest.mark.parametrize(
    ("action", "low", "high", "text"),
    [
        (Action.DENY, None, None, "everyone may not use preset p on every declared unit: pump"),
        (Action.HOLD, 1, None, "everyone needs approval for preset p on every declared unit: pump, values at least 1"),
        (
            Action.ALERT,
            None,
            2,
            "everyone may use (with an alert) preset p on every declared unit: pump, values at most 2",
        ),
    ],
)
def test_each_kind_of_rule_has_its_verb(action, low, high, text):
    assert text == rule_text(Rule("r", preset="p", points=("pump",), action=action, minimum=low, maximum=high))


def test_a_rule_without_places_says_what_that_means():
    assert rule_text(Rule("r")).endswith("every address to read, every declared point to write")
