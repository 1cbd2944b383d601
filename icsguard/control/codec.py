"""Requests and replies as lines of JSON, bounded both ways."""

from __future__ import annotations

from typing import Final

import msgspec

from icsguard.control.finite import finite
from icsguard.control.replies import Failure, FailureCode, Reply
from icsguard.control.requests import Request

MAX_REQUEST: Final = 64 * 1024  # bytes; the largest honest request is a grant of a few hundred ranges
MAX_REPLY: Final = 4 * 1024 * 1024  # bytes; a thousand complete records fit; a longer reply becomes a Failure

_requests: Final[msgspec.json.Decoder[Request]] = msgspec.json.Decoder(Request)
_replies: Final[msgspec.json.Decoder[Reply]] = msgspec.json.Decoder(Reply)
_encoder: Final = msgspec.json.Encoder()


def request_line(request: Request) -> bytes:
    """Return the request as one line, newline included."""
    return _encoder.encode(request) + b"\n"


def read_request(line: bytes) -> Request | Failure:
    """Return the request on a line, or why it is none."""
    try:
        return _requests.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        return Failure(
            code=FailureCode.INVALID,
            text=f"not a request of icsguard's control socket: {error}",
            hint="use the icsguard command of the same version as the gateway",
        )


def reply_line(reply: Reply) -> bytes:
    """Return the reply as one line, newline included; a Failure in its place where it would be too long."""
    line = _encoder.encode(finite(reply))
    if len(line) < MAX_REPLY:
        return line + b"\n"
    failure = Failure(
        code=FailureCode.INVALID,
        text=f"the answer has {len(line)} bytes, more than the {MAX_REPLY} that one reply may have",
        hint="ask for less, e.g. --last 100, or one conduit",
    )
    return _encoder.encode(failure) + b"\n"


def read_reply(line: bytes) -> Reply:
    """Return the reply on a line. Raises ValueError where it is none: gateway and command differ in version."""
    try:
        return _replies.decode(line)
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"the gateway's answer is not understood ({error}): gateway and command differ in version"
        raise ValueError(message) from error
