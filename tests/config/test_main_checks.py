# ruff: noqa: E501 - a table reads best with one case a line
import pytest

from icsguard.config.main_checks import MAX_CONDUITS

TWO = """
[conduit.plc2]
listen = "{listen}"
device = "10.1.0.6:502"
mode = "learn"
"""


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[conduit.plc1]", "[conduit.PLC1]", ":4: 'PLC1' is no name for a conduit"),
        ('mode = "enforce"', 'mode = "enforce"\nprotocol = "modbsu"', ":8: unknown protocol 'modbsu' (did you mean 'modbus'?)"),
        ('mode = "enforce"', 'mode = "enforce"\nquirks = ["unit_ignore"]', ":8: unknown quirk 'unit_ignore' (did you mean 'unit_ignored'?)"),
        ("10.1.0.5:502", "127.0.0.1:1502", ":6: conduit 'plc1' leads to itself"),
        ('mode = "enforce"', 'mode = "enforce"\nisolation.never = ["hmii"]', ":8: 'hmii' is no client group, address or network (did you mean 'hmi'?)"),
        ('policy = "p.toml"', "", ":7: conduit 'plc1' enforces a policy without a permit"),
    ],
)  # fmt: skip
def test_each_fault_has_its_line(told, main_text, old, new, line):
    found, lines = told(main=main_text.replace(old, new))

    assert None is found
    assert [told_line for told_line in lines if told_line.startswith(f"/etc/icsguard/icsguard.toml{line}")]


@pytest.mark.parametrize("listen", ["0.0.0.0:1502", "10.0.0.1:1502", "[::]:1502"])
def test_two_conduits_cannot_listen_on_one_port(told, main_text, listen):
    lines = told(main=main_text + TWO.format(listen=listen))[1]

    assert ["conduits 'plc1' and 'plc2' listen on the same port 1502" in line for line in lines] == [True]


def test_two_addresses_of_one_port_are_apart(told, main_text):
    text = main_text.replace("0.0.0.0:1502", "10.0.0.1:1502") + TWO.format(listen="10.0.0.2:1502")

    assert [] == told(main=text)[1]


def test_a_device_that_ignores_units_has_one_of_them(told, main_text, points_text):
    text = main_text + 'quirks = ["unit_ignored"]\n'

    assert [] == told(main=text)[1]
    assert "the policy speaks of units 1, 2" in told(main=text, points=points_text + "x,2,coil,0,,,,,,,\n")[1][0]


def test_never_isolated_are_groups_addresses_and_networks(told, main_text):
    assert [] == told(main=main_text + 'isolation.never = ["hmi", "10.0.0.1", "10.2.0.0/16"]\n')[1]


def test_a_serial_line_has_units_1_to_247(told, main_text, points_text):
    lines = told(main=main_text + 'downstream = "serial"\n', points=points_text + "x,248,coil,0,,,,,,,\n")[1]

    assert ["point 'x' is in unit 248" in line for line in lines] == [True]


def test_a_policy_of_denials_alone_cannot_be_enforced(told):
    text = '[[rule]]\nid = "x"\nclients = ["*"]\nunits = [1]\nfunctions = [90]\naction = "deny"\n'

    assert "without a permit" in told(policy=text)[1][0]


def test_the_conduits_of_one_gateway_are_bounded(told):
    text = "".join(
        f'[conduit.c{n}]\nlisten = "127.0.0.1:{2000 + n}"\ndevice = "10.0.0.1:502"\nmode = "learn"\n'
        for n in range(MAX_CONDUITS + 1)
    )

    assert "65 conduits, at most 64" in told(main=text)[1][0]


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("device_in_flight = 4", "device_in_flight"),
        ("coalesce = true", "coalesce"),
        ("connect_delay_ms = 500", "connect_delay_ms"),
        ("min_gap_ms = 20", "min_gap_ms"),
        ('framing = "rtu"', "framing"),
        ('quirks = ["closes_oldest"]', "closes_oldest"),
    ],
)
def test_what_shared_links_alone_can_do_needs_shared_links(told, main_text, line, key):
    lines = told(main=f"{main_text}{line}\n")[1]

    assert [f"{key} is for links that clients share" in told_line for told_line in lines] == [True]
    assert [] == told(main=f"{main_text}{line}\nlinks = 1\n")[1]


def test_the_settings_of_shared_links_reach_the_conduit(told, main_text):
    text = "links = 2\ndevice_in_flight = 4\ncoalesce = true\nconnect_delay_ms = 500\nmin_gap_ms = 20\nmax_pdu = 64\n"
    conduit = told(main=f'{main_text}{text}framing = "rtu"\n')[0].conduits[0]

    assert (2, 4, True, 500, 20, 64, "rtu") == (
        conduit.links,
        conduit.device_in_flight,
        conduit.coalesce,
        conduit.connect_delay_ms,
        conduit.min_gap_ms,
        conduit.max_pdu,
        conduit.framing,
    )
