import pytest

from icsguard.control.requests import Explain, GetStatus, Reload, Stop
from icsguard.control.roles import Caller, Role, may, role_of

OWN = 990


def role(caller, operators=(), viewers=()):
    return role_of(caller, own_uid=OWN, operators=operators, viewers=viewers)


def test_root_and_the_gateways_own_user_are_operators():
    assert [Role.OPERATOR] * 2 == [role(Caller(0, "root")), role(Caller(OWN, "icsguard"))]


def test_who_is_named_nowhere_has_no_role():
    assert role(Caller(1000, "eve", frozenset({"users"})), ["anna"], ["bob"]) is None


def test_users_are_named_plainly_and_groups_with_an_at():
    anna = Caller(1001, "anna", frozenset({"ot"}))
    assert Role.OPERATOR is role(anna, ["anna"])
    assert Role.OPERATOR is role(anna, ["@ot"])
    assert role(anna, ["ot"]) is None


def test_a_user_called_like_a_group_gains_nothing_from_it():
    assert role(Caller(1002, "ot"), ["@ot"]) is None


def test_the_stronger_role_wins():
    assert Role.OPERATOR is role(Caller(1, "anna", frozenset({"ot"})), ["@ot"], ["anna"])


@pytest.mark.parametrize("request_", [GetStatus(), Explain(id="x")])
def test_a_viewer_may_look(request_):
    assert may(Role.VIEWER, request_)


@pytest.mark.parametrize("request_", [Stop(reason="x"), Reload(reason="x")])
def test_only_an_operator_may_change(request_):
    assert (False, True) == (may(Role.VIEWER, request_), may(Role.OPERATOR, request_))
