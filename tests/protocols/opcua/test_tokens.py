"""Tokens over a renewal: which one sends, which ones are still taken, and until when."""

from icsguard.core.clock import MS
from icsguard.protocols.opcua.security import POLICIES, SecurityMode
from icsguard.protocols.opcua.symmetric import Plain, derived, seal
from icsguard.protocols.opcua.tokens import Tokens, token

POLICY = next(law for law in POLICIES.values() if law.secures)
SIGN = SecurityMode.SIGN


def keys(letter):
    one = derived(POLICY, letter * 32, b"x" * 32)
    return one, one


def chunk(number, letter):
    head = b"MSGF" + bytes(8) + number.to_bytes(4, "little")
    return seal(head, Plain(1, 2, b"body"), SIGN, keys(letter)[0])


def two(*, waits, second=2):
    tokens = Tokens(waits=waits)
    tokens.add(token(1, 0, 1000, keys(b"a")))
    tokens.add(token(second, 500 * MS, 1000, keys(b"b")))
    return tokens


def taken(tokens, number, letter, at):
    found = tokens.unsealed(chunk(number, letter), number, SIGN, at * MS)
    return getattr(found, "code", "") or found.body.decode()


def test_nothing_sends_before_the_first_token():
    assert Tokens(waits=True).sending(0) is None


def test_a_client_sends_with_the_new_token_and_takes_the_old_one():
    tokens = two(waits=False)
    assert (2, "body") == (tokens.sending(600 * MS).id, taken(tokens, 1, b"a", 600))


def test_a_server_sends_with_the_old_token_until_the_new_one_is_used():
    tokens = two(waits=True)
    assert 1 == tokens.sending(600 * MS).id
    assert ("body", "body") == (taken(tokens, 1, b"a", 600), taken(tokens, 2, b"b", 601))
    assert (2, "channel-token") == (tokens.sending(602 * MS).id, taken(tokens, 1, b"a", 603))


def test_a_server_does_not_send_with_an_expired_token():
    assert 2 == two(waits=True).sending(1001 * MS).id


def test_a_token_is_taken_up_to_a_quarter_beyond_its_lifetime():
    tokens = two(waits=True)
    assert ("body", "channel-token") == (taken(tokens, 1, b"a", 1250), taken(tokens, 1, b"a", 1251))


def test_tokens_of_one_number_are_told_apart_by_their_keys():
    tokens = two(waits=False, second=1)
    assert ("body", "body", "channel-signature") == tuple(
        taken(tokens, 1, letter, 600) for letter in (b"a", b"b", b"a")
    )


def test_a_third_token_makes_the_oldest_go():
    tokens = two(waits=True)
    tokens.add(token(3, 600 * MS, 1000, keys(b"c")))
    assert ("channel-token", "body", "body") == tuple(
        taken(tokens, number, letter, 700) for number, letter in ((1, b"a"), (2, b"b"), (3, b"c"))
    )
