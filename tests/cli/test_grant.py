from icsguard.control.requests import AddGrant, EndGrant


def test_grants_in_force_are_listed(gateway, icsguard):
    out = icsguard("grant", "list").out
    for expected in ("g1", "points pump_speed", "1/5", "anna", "commissioning"):
        assert expected in out


def test_a_grant_says_what_it_lets_into_the_plant(gateway, icsguard, typing):
    typing("plc1")
    ended = icsguard(
        "grant", "add", "plc1", "10.0.0.30", "--for", "1h", "--point", "pump_speed", "--range", "holding 0..9",
        "--function", "16", "--unit", "1", "--uses", "5", "-r", "commissioning",
    )  # fmt: skip
    assert "for 1 h 10.0.0.30 may reach on plc1: pump_speed, holding 0..9, function 16, at most 5 times" in ended.err
    expected = AddGrant(
        conduit="plc1", client="10.0.0.30", seconds=3600, points=("pump_speed",), ranges=("holding 0..9",),
        functions=("16",), units=(1,), max_uses=5, reason="commissioning",
    )  # fmt: skip
    assert expected == gateway.asked[-1]


def test_a_grant_of_nothing_and_a_grant_for_ever_are_usage_errors(gateway, icsguard):
    assert 2 == icsguard("grant", "add", "plc1", "10.0.0.30", "--for", "1h", "-r", "x", "--yes").code
    assert 2 == icsguard("grant", "add", "plc1", "10.0.0.30", "--for", "31d", "--point", "p", "-r", "x", "--yes").code
    assert [] == gateway.asked


def test_a_grant_can_be_ended(gateway, icsguard):
    assert 0 == icsguard("grant", "end", "plc1", "g1", "-r", "done early").code
    assert [EndGrant(conduit="plc1", id="g1", reason="done early")] == gateway.asked
