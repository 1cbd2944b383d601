import pytest

from icsguard.control.requests import MAX_GRANT_S, AddGrant
from icsguard.core.clock import SECOND
from icsguard.core.ids import AddressRange
from icsguard.core.meaning import Table
from icsguard.policy.rules import Service, Target
from icsguard.runtime.granting import GrantError, new_grant

WALL = 1_000 * SECOND


@pytest.fixture
def conduit(site_settings, tmp_path):
    return site_settings(tmp_path, 502).conduits[0]


def ask(**fields):
    return AddGrant(
        **({"conduit": "plc1", "client": "hmi", "seconds": 60, "reason": "work", "points": ("speed",)} | fields)
    )


def test_words_become_a_grant_with_an_end(conduit):
    grant = new_grant("g1", ask(functions=("6", "8/0"), ranges=("holding 3..5",)), conduit, WALL)
    assert (WALL, WALL + 60 * SECOND) == (grant.since, grant.until)
    assert (Service(6), Service(8, 0)) == grant.services
    assert (Target(Table.HOLDING, AddressRange(3, 5)),) == grant.targets
    assert (("speed",), "work") == (grant.points, grant.reason)


@pytest.mark.parametrize("client", ["10.0.0.1", "10.0.0.0/24", "hmi"])
def test_a_client_is_an_address_a_network_or_a_group(conduit, client):
    assert client == new_grant("g1", ask(client=client), conduit, WALL).client


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"points": ()}, "functions, points or ranges"),
        ({"points": ("nothing",)}, "no point 'nothing'"),
        ({"seconds": 0}, "lasts"),
        ({"seconds": MAX_GRANT_S + 1}, "lasts"),
        ({"functions": ("900",)}, "900"),
        ({"ranges": ("holding x",)}, "holding x"),
        ({"units": (256,)}, "unit identifiers"),
        ({"client": "nobody"}, "nobody"),
    ],
)
def test_what_does_not_exist_is_named(conduit, fields, words):
    with pytest.raises(GrantError, match=words):
        new_grant("g1", ask(**fields), conduit, WALL)
