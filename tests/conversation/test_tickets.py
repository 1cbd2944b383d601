from icsguard.conversation.tickets import MAX_CLOSED, MAX_TICKETS, Ticket, Tickets, TicketState

KEY = ("10.0.0.1", b"\x11\x06\x00\x64\x00\x05")


def ticket(number=1, key=KEY, until=100):
    return Ticket(f"t{number}", key, "write", "why", 0, until)


def opened(tickets, number=1, key=KEY):
    return tickets.again(key) or (None if tickets.is_full else tickets.open(ticket(number, key)))


def test_the_same_request_finds_its_open_ticket():
    tickets = Tickets(100)
    first = opened(tickets)
    assert first is opened(tickets, 2)
    assert 2 == first.asked
    assert 1 == len(tickets)


def test_an_approved_ticket_is_good_for_one_pass():
    tickets = Tickets(100)
    opened(tickets)
    assert tickets.use(KEY, 1) is None
    assert tickets.approve("t1", "anna", 1)
    used = tickets.use(KEY, 2)
    assert (TicketState.USED, "anna") == (used.state, used.by)
    assert tickets.use(KEY, 3) is None


def test_approval_is_bound_to_the_exact_request_and_client():
    tickets = Tickets(100)
    opened(tickets)
    tickets.approve("t1", "anna", 1)
    assert tickets.use((KEY[0], KEY[1] + b"\x00"), 2) is None
    assert tickets.use(("10.0.0.2", KEY[1]), 2) is None


def test_a_ticket_that_nobody_answers_expires():
    tickets = Tickets(100)
    opened(tickets)
    assert tickets.approve("t1", "anna", 100) is None
    assert TicketState.EXPIRED is tickets.find("t1").state


def test_approval_gives_the_client_its_time_anew_and_then_expires():
    tickets = Tickets(100)
    opened(tickets)
    tickets.approve("t1", "anna", 90)
    assert tickets.use(KEY, 190) is None
    assert TicketState.EXPIRED is tickets.find("t1").state


def test_a_denied_ticket_cannot_be_approved():
    tickets = Tickets(100)
    opened(tickets)
    assert TicketState.DENIED is tickets.deny("t1", "anna", 1).state
    assert tickets.approve("t1", "anna", 2) is None


def test_tickets_are_bounded_open_and_closed():
    tickets = Tickets(100)
    for number in range(MAX_TICKETS):
        assert opened(tickets, number, (f"c{number}", b""))
    assert opened(tickets, 99, ("one more", b"")) is None
    for number in range(MAX_TICKETS):
        tickets.deny(f"t{number}", "anna", 1)
    for number in range(200, 200 + MAX_CLOSED):
        opened(tickets, number, (f"c{number}", b""))
        tickets.deny(f"t{number}", "anna", 1)
    assert MAX_CLOSED == len(tickets._closed)
    assert tickets.find("t0") is None


def test_open_and_approved_tickets_are_listed(tmp_path):
    tickets = Tickets(100)
    opened(tickets)
    opened(tickets, 2, ("other", b""))
    tickets.approve("t2", "anna", 1)
    assert ["t1", "t2"] == [one.id for one in tickets.live(2)]
    assert [] == tickets.live(1000)


def test_what_is_not_open_cannot_be_denied():
    assert Tickets(100).deny("t9", "anna", 1) is None


def test_why_an_approved_request_passes_names_who_let_it():
    tickets = Tickets(100)
    opened(tickets)
    reason = tickets.approve("t1", "anna", 1).approval()
    assert ("approved", "anna approved exactly this request (ticket t1)") == (reason.code, reason.text)
