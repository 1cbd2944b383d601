"""`UaLine` against a real server stands in test_ua_plant.py; here is how fates are told."""

import asyncio

import pytest
from asyncua.ua.uaerrors import BadUserAccessDenied, UaError

from icsguard.lab.ua_client import told
from icsguard.lab.wire import Fate


async def raising(error):
    raise error


@pytest.mark.parametrize(
    ("statuses", "fate"),
    [
        (["Good"], Fate.ANSWERED),
        (["Good", "BadOutOfRange"], Fate.REFUSED),
        (["BadUserAccessDenied"], Fate.REFUSED),
    ],
)
async def test_one_bad_status_is_a_refusal(statuses, fate):
    reply, seen = await told(lambda: asyncio.sleep(0, statuses))
    assert (fate, statuses) == (reply.fate, seen)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (BadUserAccessDenied(), Fate.REFUSED),
        (TimeoutError(), Fate.SILENT),
        (ConnectionError(), Fate.CLOSED),
        (UaError("x"), Fate.CLOSED),
    ],
)
async def test_errors_are_fates(error, fate):
    reply, _ = await told(lambda: raising(error))
    assert fate == reply.fate
