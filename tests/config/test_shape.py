import pytest

from icsguard.config.policy_schema import PolicyFile
from icsguard.config.problem import Findings
from icsguard.config.schema import MainFile
from icsguard.config.shape import MAX_TEXT, dotted, read


def problems(text, model=MainFile):
    findings = Findings()
    shaped = read(text, "f", model, findings)
    return shaped, [str(problem) for problem in findings.all()]


GOOD = '[conduit.a]\nlisten = "0.0.0.0:502"\ndevice = "10.0.0.1:502"\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (GOOD + "max_client = 5\n", "f:4: unknown key 'conduit.a.max_client' (did you mean 'max_clients'?)"),
        (GOOD + "[gatewayy]\n", "f:4: unknown key 'gatewayy' (did you mean 'gateway'?)"),
        (
            GOOD + "[conduit.a.isolation]\nautoo = true\n",
            "f:5: unknown key 'conduit.a.isolation.autoo' (did you mean 'auto'?)",
        ),
        (GOOD + 'max_clients = "5"\n', "f:4: 'conduit.a.max_clients': should be a valid integer, not '5'"),
        (GOOD + "hold_ttl_s = 0\n", "f:4: 'conduit.a.hold_ttl_s': should be greater than or equal to 1, not 0"),
        ('[conduit.a]\nlisten = "0.0.0.0:502"\n', "f:1: 'conduit.a.device' is missing"),
        ("[gateway]\n", "f: 'conduit' is missing"),
        ("a = \n", "f:1: not TOML: Invalid value"),
        (GOOD.replace("502", "x", 1), "f:2: 'conduit.a.listen': '0.0.0.0:x' has no port from 1 to 65535"),
    ],
)
def test_each_fault_has_its_line_and_a_hint(text, line):
    assert problems(text)[1][0].lower().startswith(line.lower())


def test_the_good_parts_of_a_faulty_file_are_still_read():
    text = '[[rule]]\nid = "a"\n[[rule]]\nid = "b"\nclients = ["*"]\nrate = 5\nhours = "x"\n[defaults]\nstate = "of"\n'
    shaped, found = problems(text, PolicyFile)

    assert 3 == len(found)
    assert not shaped.complete
    assert ["b"] == [rule.id for rule in shaped.model.rule]
    assert 7 == shaped.lines.at("rule", 0, "hours")


def test_a_good_file_is_complete():
    shaped, found = problems(GOOD)

    assert shaped.complete
    assert [] == found


def test_a_file_beyond_reason_is_not_parsed():
    shaped, found = problems("#" * (MAX_TEXT + 1))

    assert None is shaped.model
    assert ["f: the file has more than 4194304 characters (split it)"] == found


def test_a_file_whose_faults_cannot_be_left_out_is_given_up():
    assert None is problems("conduit = 5\n")[0].model


def test_paths_are_written_as_people_count():
    assert "rule[2].clients[1]" == dotted(("rule", 1, "clients", 0))
