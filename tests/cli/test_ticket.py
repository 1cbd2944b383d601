from icsguard.control.requests import Approve, Deny


def test_open_tickets_are_listed_with_what_they_ask_and_why(gateway, icsguard):
    out = icsguard("tickets").out
    for expected in ("T-19", "write holding register 12 (40013) = 79, unit 1", "the twin is not sure", "1 m"):
        assert expected in out


def test_an_approval_states_what_will_reach_the_plant(gateway, icsguard, typing):
    typing("T-19")
    ended = icsguard("approve", "T-19", "-r", "shift lead")
    assert "10.0.0.21 may do this on plc1 once" in ended.err
    assert "write holding register 12" in ended.err
    assert Approve(ticket="T-19", reason="shift lead") == gateway.asked[-1]


def test_an_approval_without_the_typed_ticket_changes_nothing(gateway, icsguard, typing):
    typing("T-18")
    assert 1 == icsguard("approve", "T-19", "-r", "x").code
    assert not any(isinstance(request, Approve) for request in gateway.asked)


def test_a_ticket_that_is_not_open_is_named(gateway, icsguard):
    ended = icsguard("approve", "T-20", "-r", "x", "--yes")
    assert 1 == ended.code
    assert "no open ticket T-20" in ended.err


def test_a_denial_needs_a_reason_and_no_confirmation(gateway, icsguard):
    assert 2 == icsguard("deny", "T-19").code
    assert 0 == icsguard("deny", "T-19", "-r", "not now").code
    assert Deny(ticket="T-19", reason="not now") == gateway.asked[-1]


def test_no_open_ticket_is_a_note_and_not_data(gateway, answers, icsguard):
    import msgspec

    answers["ListTickets"] = msgspec.structs.replace(answers["ListTickets"], tickets=())
    ended = icsguard("tickets")
    assert ("", True) == (ended.out, "no ticket is open" in ended.err)
