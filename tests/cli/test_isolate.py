import pytest

from icsguard.cli.exits import CliError
from icsguard.cli.isolate import address_of, checked_address, consequence
from icsguard.control.replies import FailureCode, Sessions
from icsguard.control.requests import Isolate, Release
from icsguard.core.isolation import Scope


def changes(gateway):
    return [request for request in gateway.asked if isinstance(request, Isolate | Release)]


def test_an_isolation_lasts_a_quarter_of_an_hour_unless_told_otherwise(gateway, icsguard):
    ended = icsguard("isolate", "10.0.0.21", "-r", "INC-7", "--yes")
    assert 0 == ended.code
    assert [Isolate(client="10.0.0.21", reason="INC-7", seconds=900, scope=Scope.FULL)] == changes(gateway)


def test_scope_duration_and_conduit_are_handed_on(gateway, icsguard):
    icsguard("isolate", "10.0.0.21", "-r", "x", "--for", "2h", "--writes-only", "--conduit", "plc1", "--yes")
    expected = Isolate(client="10.0.0.21", reason="x", seconds=7200, scope=Scope.WRITES, conduit="plc1")
    assert [expected] == changes(gateway)


def test_the_physical_consequence_is_stated_before_anything_is_done(gateway, icsguard, typing):
    typing("10.0.0.21")
    ended = icsguard("isolate", "10.0.0.21", "-r", "x")
    assert "stops 10.0.0.21 (hmi) from reading and writing plc1 for 15 m" in ended.err
    assert "last request 0.5 s ago, 4 writes so far" in ended.err
    assert 1 == len(changes(gateway))


@pytest.mark.parametrize("typed", ["", "y", "yes", "10.0.0.2"])
def test_another_word_changes_nothing(gateway, icsguard, typing, typed):
    typing(typed)
    assert 1 == icsguard("isolate", "10.0.0.21", "-r", "x").code
    assert [] == changes(gateway)


def test_where_nobody_can_type_a_script_must_say_yes(gateway, icsguard):
    ended = icsguard("isolate", "10.0.0.21", "-r", "x")
    assert 2 == ended.code
    assert "--yes" in ended.err
    assert [] == changes(gateway)


def test_a_dry_run_changes_nothing(gateway, icsguard):
    ended = icsguard("isolate", "10.0.0.21", "-r", "x", "--dry-run")
    assert (0, []) == (ended.code, changes(gateway))
    assert "would do: this stops" in ended.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("10.0.0.21",),
        ("10.0.0.21", "-r", "  "),
        ("10.0.0.21", "-r", "x" * 501),
        ("tank1", "-r", "x"),
        ("10.0.0.21", "-r", "x", "--for", "soon"),
        ("10.0.0.21", "-r", "x", "--for", "8d"),
    ],
)
def test_what_is_no_isolation_is_a_usage_error(gateway, icsguard, arguments):
    assert 2 == icsguard("isolate", *arguments, "--yes").code
    assert [] == changes(gateway)


def test_the_undo_command_is_printed(gateway, icsguard):
    assert "undo: icsguard release 10.0.0.21 -r undo" in icsguard("isolate", "10.0.0.21", "-r", "x", "--yes").err


def test_a_bound_of_the_gateway_is_told_with_its_hint(gateway, failing, icsguard):
    failing("Isolate", FailureCode.REFUSED, "10.0.0.21 is the last operator station", "--writes-only leaves it reading")
    ended = icsguard("isolate", "10.0.0.21", "-r", "x", "--yes")
    assert 1 == ended.code
    assert "last operator station" in ended.err
    assert "--writes-only" in ended.err


def test_a_release_is_asked_for_and_sent(gateway, icsguard, typing):
    typing("10.0.0.21")
    ended = icsguard("release", "10.0.0.21", "-r", "cable tester, removed")
    assert "may connect, read and write again" in ended.err
    assert [Release(client="10.0.0.21", reason="cable tester, removed")] == changes(gateway)


def test_a_client_that_is_not_connected_is_said_to_be_so():
    said = consequence(
        Isolate(client="10.0.0.9", reason="x", permanent=True), Sessions(now=1, wall_shift=0, sessions=())
    )
    assert "until somebody releases it; it is not connected now" in said


@pytest.mark.parametrize(
    ("text", "expected"), [(" 10.0.0.1 ", "10.0.0.1"), ("::ffff:10.0.0.1", "10.0.0.1"), ("FD00::1", "fd00::1")]
)
def test_an_address_has_one_spelling(text, expected):
    assert expected == checked_address(text)


def test_a_name_is_no_address():
    with pytest.raises(CliError, match="no"):
        checked_address("hmi-1")


@pytest.mark.parametrize(("peer", "expected"), [("10.0.0.1:502", "10.0.0.1"), ("[fd00::1]:502", "fd00::1")])
def test_the_address_of_a_peer_is_found(peer, expected):
    assert expected == address_of(peer)
