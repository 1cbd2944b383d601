from typing import get_args

import pytest

from icsguard.control import requests
from icsguard.control.requests import Asked, Change, GetStatus, Isolate, Request, spoken


@pytest.mark.parametrize(
    ("name", "expected"), [("GetStatus", "get-status"), ("Isolate", "isolate"), ("AddGrant", "add-grant")]
)
def test_a_class_name_is_spoken_in_small_letters_with_dashes(name, expected):
    assert expected == spoken(name)


def test_every_request_belongs_to_the_union_and_none_is_forgotten():
    made = {value for value in vars(requests).values() if isinstance(value, type) and issubclass(value, Asked)}
    assert made - {Asked, Change} == set(get_args(Request))


def test_every_request_has_its_own_tag():
    tags = [kind.__struct_config__.tag for kind in get_args(Request)]
    assert len(tags) == len(set(tags))


def test_what_changes_something_cannot_be_made_without_a_reason():
    with pytest.raises(TypeError, match="reason"):
        Isolate(client="10.0.0.9")


def test_an_isolation_ends_by_itself_unless_somebody_says_otherwise():
    request = Isolate(client="10.0.0.9", reason="test")
    assert (900, False) == (request.seconds, request.permanent)


def test_looking_needs_no_reason():
    assert not isinstance(GetStatus(), Change)
