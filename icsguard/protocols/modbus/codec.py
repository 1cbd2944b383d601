"""Modbus as the registry knows it: the codec behind functions of one whole ADU."""

from __future__ import annotations

from typing import Final

from icsguard.core.defect import Defect
from icsguard.core.meaning import Meaning
from icsguard.protocols.api import Codec
from icsguard.protocols.modbus.mbap import HEADER, MAX_PENDING, Framer, frame
from icsguard.protocols.modbus.meaning import describe, meaning, target
from icsguard.protocols.modbus.messages import Request
from icsguard.protocols.modbus.pdu import parse_request
from icsguard.protocols.modbus.refuse import refuse


def _request(raw: bytes) -> Request:
    return parse_request(raw[HEADER - 1], raw[HEADER:])


def _meaning(raw: bytes) -> Meaning:
    return meaning(_request(raw))


def _describe(raw: bytes) -> str:
    return describe(_request(raw))


def _target(raw: bytes) -> str:
    return target(_request(raw))


def _defect(raw: bytes) -> Defect | None:
    return frame(raw).defect or _request(raw).defect


MODBUS: Final = Codec(
    name="modbus",
    title="Modbus/TCP",
    port=502,
    max_pending=MAX_PENDING,
    framing=Framer,
    meaning=_meaning,
    describe=_describe,
    target=_target,
    defect=_defect,
    refuse=refuse,
)
