from icsguard.policy.clients import MAX_KNOWN, Clients, own_group, shown
from icsguard.policy.rules import ClientGroup, Grant

GROUPS = (ClientGroup("hmi", ("10.0.0.0/24",)), ClientGroup("lab", ("10.0.0.7/32", "fd00::/64")))


def test_a_client_is_in_every_group_that_holds_its_address():
    clients = Clients(GROUPS)

    assert {"hmi", "lab"} == clients.groups("10.0.0.7")
    assert {"lab"} == clients.groups("fd00::5")
    assert set() == clients.groups("10.0.1.7")


def test_text_that_is_no_address_is_in_no_group():
    assert set() == Clients(GROUPS).groups("hmi\n")


def test_a_grant_for_a_bare_network_makes_a_group_that_records_do_not_show():
    grants = (Grant("g", "10.9.0.1/16", 1, "x"), Grant("h", "hmi", 1, "x"))
    groups = Clients(GROUPS, grants).groups("10.9.3.3")

    assert {own_group("10.9.0.1/16")} == groups
    assert "" == shown(groups)


def test_groups_are_shown_in_order():
    assert "hmi,lab" == shown(frozenset({"lab", "hmi"}))


def test_the_table_of_known_addresses_is_bounded():
    clients = Clients(GROUPS)
    for number in range(MAX_KNOWN + 10):
        clients.groups(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}")

    assert len(clients._known) <= MAX_KNOWN
