# ruff: noqa: E501 - a table reads best with one case a line
import pytest

from icsguard.config.diff import Effect, differences

EXTRA = '\n[[rule]]\nid = "more"\nclients = ["eng"]\nunits = [1]\n'
WHO = "10.0.5.5/32 (eng)"


@pytest.fixture
def told(policy, policy_text, points_text):
    def run(text=None, points=None, old=None):
        new = policy(text or policy_text, points or points_text)
        return [(found.effect.value, found.text) for found in differences(policy(old or policy_text), new)]

    return run


def test_equal_policies_have_no_difference(told):
    assert [] == told()


def test_a_renamed_or_split_rule_is_no_difference(told, policy_text):
    split = policy_text.replace("functions = [6, 16]", "functions = [6]")
    split += '[[rule]]\nid = "other"\nclients = ["hmi"]\nunits = [1]\nfunctions = [16]\npoints = ["pump_speed"]\n'

    assert [] == told(split)


def test_a_new_rule_permits_and_a_lost_one_forbids(told, policy_text):
    more = policy_text + EXTRA + 'functions = [3, 90]\nranges = ["holding 0..9"]\n'

    assert [
        ("permits", f"{WHO} may now use function 3 on unit 1: holding 0..9"),
        ("permits", f"{WHO} may now use function 90 on unit 1"),
    ] == told(more)
    assert [
        ("forbids", f"{WHO} may no longer use function 3 on unit 1: holding 0..9"),
        ("forbids", f"{WHO} may no longer use function 90 on unit 1"),
    ] == told(old=more)


def test_only_the_part_of_a_range_that_changes_is_told(told, policy_text):
    old = policy_text + EXTRA + 'functions = [6]\nranges = ["holding 10..20"]\n'
    new = policy_text + EXTRA + 'functions = [6]\nranges = ["holding 15..30", "holding 8"]\n'

    assert [
        ("permits", f"{WHO} may now use function 6 on unit 1: holding 8, holding 21..30"),
        ("forbids", f"{WHO} may no longer use function 6 on unit 1: holding 10..14"),
    ] == told(new, old=old)


def test_a_narrowed_preset_tells_what_is_lost(told, policy_text):
    new = policy_text.replace('preset = "monitoring"', 'preset = "monitoring"\nranges = ["holding 0..9"]')

    assert ("forbids", "10.0.0.21/32 (hmi) may no longer use function 1 on unit 1: every coil") in told(new)
    assert ("forbids", "10.0.0.21/32 (hmi) may no longer use function 3 on unit 1: holding 10..65535") in told(new)


def test_a_changed_condition_is_one_sentence(told, policy_text):
    old = policy_text + EXTRA + 'functions = [90]\nrate = "1/s"\n'
    new = policy_text + EXTRA + 'functions = [90]\nhours = "Mon-Fri 06:00-18:00"\nstate = "observe"\n'
    text = f"{WHO} may use function 90 on unit 1 (Mon-Fri 06:00-18:00, breaches only recorded), before (1/s)"

    assert [("changes", text)] == told(new, old=old)


def test_a_deny_rule_that_comes_forbids(told, policy_text):
    new = policy_text + '[[rule]]\nid = "no"\nclients = ["*"]\nunits = [1]\nfunctions = [90]\naction = "deny"\n'

    assert [("forbids", "everyone is denied to use function 90 on unit 1, whatever else permits it")] == told(new)
    assert [("permits", "everyone is no longer denied to use function 90 on unit 1")] == told(old=new)


@pytest.mark.parametrize(
    ("old", "new", "effect", "text"),
    [
        ("0,80,", "0,90,", "permits", "point pump_speed: maximum 80 -> 90 rpm"),
        ("0,80,", "0,70,", "forbids", "point pump_speed: maximum 80 -> 70 rpm"),
        ("0,80,", "0,,", "permits", "point pump_speed: maximum 80 -> none rpm"),
        ("0,80,", "10,80,", "forbids", "point pump_speed: minimum 0 -> 10 rpm"),
        ("0,80,", "0,80,5", "forbids", "point pump_speed: largest step none -> 5 rpm"),
        ("holding,12", "holding,13", "changes", "point pump_speed: address 12 -> 13"),
        ("tank_level", "level", "changes", "point level is new"),
        ("tank_level", "level", "changes", "point tank_level is gone: its limits hold no longer"),
    ],
)
def test_limits_of_points_are_told_in_their_unit(told, points_text, old, new, effect, text):
    assert (effect, text) in told(points=points_text.replace(old, new))


@pytest.mark.parametrize(
    ("column", "old", "new", "effect", "text"),
    [
        ("min_interval", "", "5", "forbids", "shortest interval between writes 0 s -> 5 s"),
        ("min_interval", "5", "2", "permits", "shortest interval between writes 5 s -> 2 s"),
        ("allowed", "", "1|2", "forbids", "allowed values any -> 1|2"),
        ("allowed", "1", "1|2", "permits", "allowed values 1 -> 1|2"),
        ("allowed", "1", "2", "changes", "allowed values 1 -> 2"),
        ("allowed", "1", "", "permits", "allowed values 1 -> any"),
        ("mask", "", "0x0F", "changes", "writable bits all -> 0x000F"),
        ("max_rate", "1", "2", "permits", "largest rate 1 -> 2"),
    ],
)
def test_the_other_limits_are_told_too(policy, policy_text, column, old, new, effect, text):
    def made(value):
        return policy(policy_text, f"name,unit_id,table,address,{column}\npump_speed,1,holding,12,{value}\n")

    assert [(effect, f"point pump_speed: {text}")] == [
        (d.effect.value, d.text) for d in differences(made(old), made(new))
    ]


def test_grants_and_defaults_are_told(told, policy_text):
    grant = '[[grant]]\nid = "g"\nclient = "eng"\nuntil = "2026-11-21T18:00:00Z"\nreason = "r"\npoints = ["pump_speed"]\nmax_uses = 2\n'
    head = 'timezone = "Europe/Berlin"\n[defaults]\nstate = "observe"\non_unknown = "limits_only"\n'
    found = told(head + policy_text.replace("preset =", "reply = 4\npreset =") + grant)

    assert {
        (
            "permits",
            "grant g is new: eng, functions 3, 6, 16, 22, 23 on every declared unit, pump_speed, at most 2 times",
        ),
        ("permits", "what no rule permits: enforce -> observe"),
        ("changes", "writes from an unknown value: refuse -> limits_only"),
        ("changes", "hours are read in Europe/Berlin, not UTC"),
        ("changes", "rule watch: its refusals answer 4, not as usual"),
    } == set(found)


def test_what_becomes_permitted_comes_first(told, policy_text, points_text):
    found = told(policy_text + EXTRA + "functions = [90]\n", points_text.replace("0,80,", "5,90,"))
    order = [effect for effect, _ in found]

    assert sorted(order, key=[effect.value for effect in Effect].index) == order


def test_a_rule_without_places_writes_the_declared_points(told, policy_text):
    new = policy_text + EXTRA + "functions = [6]\n"

    assert [("permits", f"{WHO} may now use function 6 on unit 1: holding 12")] == told(new)


def test_a_rule_that_is_off_is_as_if_it_were_not_there(told, policy_text):
    assert [] == told(policy_text + EXTRA + 'functions = [90]\nstate = "off"\n')
