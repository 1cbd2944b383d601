import pytest

from icsguard.config.policy_file import windows_overlap
from icsguard.core.decision import RuleState
from icsguard.policy.rules import Action, OnUnknown, Rate, Service, Window

RULE = '[[rule]]\nid = "x"\nclients = ["hmi"]\nunits = [1]\n'


def grant(client="eng", until="2026-11-21T18:00:00Z", points='points = ["pump_speed"]\n'):
    return f'[[grant]]\nid = "g"\nclient = "{client}"\nuntil = "{until}"\nreason = "r"\n{points}'


def test_a_rule_is_read_whole(policy, policy_text):
    made = policy(
        policy_text
        + '[[rule]]\nid = "x"\nclients = ["eng"]\nunits = [2, 1]\nfunctions = [6, "8/0"]\nranges = ["holding 5..6"]\n'
        'min = 1\nmax = 2.5\nrate = "3/s"\nhours = ["Mon 06:00-07:00"]\naction = "hold"\nstate = "alert"\nreply = 4\n'
        'technique = "T0836"\ntext = "why"\n'
    )
    rule = made.rules[2]

    assert ((1, 2), (Service(6), Service(8, 0)), 1, 2.5) == (rule.units, rule.services, rule.minimum, rule.maximum)
    assert (Rate(3, 10**9), (Window((0,), 360, 420),)) == (rule.rate, rule.hours)
    assert (Action.HOLD, RuleState.ALERT, 4, "T0836", "why") == (
        rule.action, rule.state, rule.reply, rule.technique, rule.text
    )  # fmt: skip


def test_everyone_is_a_star(policy, policy_text):
    assert (
        () == policy(policy_text.replace('["hmi"]\nunits = [1]\npreset', '["*"]\nunits = [1]\npreset')).rules[0].clients
    )


def test_defaults_and_time_zone_are_read(policy, policy_text):
    made = policy(
        'timezone = "Europe/Berlin"\n[defaults]\nstate = "observe"\non_unknown = "limits_only"\n' + policy_text
    )

    assert (RuleState.OBSERVE, OnUnknown.LIMITS_ONLY) == (made.defaults.state, made.defaults.on_unknown)
    assert 3600 == made.zone[0].offset_s


def test_a_grant_is_read_whole_and_means_the_functions_of_its_places(policy, policy_text):
    made = policy(
        policy_text
        + '[[grant]]\nid = "g"\nclient = "10.9.0.0/16"\nuntil = "2026-11-21T18:00:00Z"\nsince = 2026-11-20T00:00:00Z\n'
        'reason = "r"\npoints = ["pump_speed"]\nmax_uses = 3\n'
    )
    grant = made.grants[0]

    assert ("10.9.0.0/16", 3, [3, 6, 16, 22, 23]) == (
        grant.client,
        grant.max_uses,
        [s.function for s in grant.services],
    )
    assert 1_795_284_000 * 10**9 == grant.until > grant.since > 0


@pytest.mark.parametrize(
    ("extra", "line"),
    [
        (RULE + "functions = [200]\n", "p.toml:21: '200' is no service"),
        (RULE + "functions = [8]\n", "p.toml:21: function 8 holds harmless and dangerous parts"),
        (RULE + "", "p.toml:17: 'x' names no function"),
        (RULE + 'functions = [3]\nranges = ["coils 1"]\n', "p.toml:22: 'coils 1' names no range"),
        (RULE + 'functions = [3]\nrate = "1"\n', "p.toml:22: '1' is no rate"),
        (RULE + 'functions = [3]\nhours = "x"\n', "p.toml:22: 'x' is no time window"),
        (RULE + "functions = [6]\nmin = 5\nmax = 1\n", "p.toml:22: rule 'x': min 5 is above max 1"),
        (RULE + 'functions = [9]\naction = "deny"\nmax = 1\n', "p.toml:17: rule 'x' denies"),
        (RULE.replace("[1]", "[256]") + "functions = [6]\n", "p.toml:20: 256 is no unit identifier"),
        (RULE.replace('"x"', '"pump"') + "functions = [90]\n", "p.toml:17: the id 'pump' is used twice"),
        (grant(client="x"), "p.toml:19: 'x' is no client group"),
        (grant(points=""), "p.toml:17: grant 'g' gives nothing"),
        (grant(until="x"), "p.toml:20: 'x' is no time"),
        (grant(until="2026-11-21T18:00:00"), "p.toml:20: 2026-11-21T18:00:00 has no time zone"),
        (grant() + 'since = "2026-12-21T18:00:00Z"\n', "p.toml:20: grant 'g' ends before it begins"),
    ],
)  # fmt: skip
def test_a_faulty_value_has_its_line(told, policy_text, extra, line):
    found, lines = told(policy=policy_text + extra)

    assert None is found
    assert lines
    assert lines[0].startswith(line)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[clients]", 'packs = ["baseline"]\n[clients]', "p.toml:1: there is no rule pack 'baseline'"),
        ("[clients]", 'timezone = "Mars/Base"\n[clients]', "p.toml:1: 'Mars/Base' is no time zone"),
        ('"10.0.0.21"', '"10.0.0.321"', "p.toml:2: '10.0.0.321' is no address or network"),
        ('"10.1.0.0/24"', '"10.1.0.1/24"', "p.toml:2: '10.1.0.1/24' is no address or network"),
        ('["10.0.5.5"]', "[]", "p.toml:3: the group 'eng' has no addresses"),
        ("eng = ", '"*" = ', "p.toml:3: '*' stands for everyone"),
    ],
)
def test_a_faulty_head_has_its_line(told, policy_text, old, new, line):
    lines = told(policy=policy_text.replace(old, new))[1]

    assert lines
    assert lines[0].startswith(line)


def test_a_pack_adds_its_rules_and_steps_back_for_what_the_site_names(policy, policy_text):
    packed = policy('packs = ["modbus-baseline"]\n' + policy_text)
    named = policy('packs = ["modbus-baseline"]\n' + policy_text + RULE + 'functions = ["8/1", 90]\n')
    services = {service for rule in named.rules if rule.pack for service in rule.services}

    assert Service(8, 1) in {service for rule in packed.rules if rule.pack for service in rule.services}
    assert not {Service(8, 1), Service(90)} & services
    assert Service(8, 4) in services


def test_a_damaged_pack_is_said_to_be_damaged(told, texts, policy_text):
    texts["shipped:modbus-baseline.toml"] = 'pack = "x"\n'
    lines = told(policy='packs = ["modbus-baseline"]\n' + policy_text)[1]

    assert all("install icsguard again" in line for line in lines)
    assert lines


def test_windows_meet_where_they_share_a_minute():
    day, night = (Window((0,), 360, 1080),), (Window((0,), 1080, 360),)

    assert not windows_overlap(day, night)
    assert windows_overlap(day, (Window((0,), 1079, 1100),))
    assert windows_overlap(night, (Window((1,), 0, 10),))
    assert windows_overlap(day, ())


def test_a_grant_may_name_functions_or_a_preset(policy, policy_text):
    named = policy(policy_text + grant(points='functions = ["8/1", 90]\n')).grants[0]
    preset = policy(policy_text + grant(points='preset = "engineer"\n')).grants[0]

    assert (Service(8, 1), Service(90)) == named.services
    assert Service(21) in preset.services


def test_a_policy_beyond_reason_is_cut(told, policy_text, monkeypatch):
    monkeypatch.setattr("icsguard.config.policy_file.MAX_RULES", 1)

    assert ["p.toml: the policy has 2 rules, at most 1 are taken (split it)"] == told(policy=policy_text)[1]
