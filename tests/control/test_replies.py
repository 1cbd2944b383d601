from typing import get_args

import msgspec

from icsguard.control import replies
from icsguard.control.replies import Answered, Done, Failure, FailureCode, Reply, Timed


def test_every_reply_belongs_to_the_union():
    made = {value for value in vars(replies).values() if isinstance(value, type) and issubclass(value, Answered)}
    assert made - {Answered, Timed} == set(get_args(Reply))


def test_a_reply_names_itself():
    assert msgspec.to_builtins(Done(text="x"))["is"] == "done"


def test_field_names_of_a_failure_are_stable():
    failure = msgspec.to_builtins(Failure(code=FailureCode.DENIED, text="no"))
    assert list(failure) == ["is", "code", "text", "hint", "details"]
