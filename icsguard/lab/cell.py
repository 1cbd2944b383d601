"""The water cell's point list: what the plant's engineers know about it, in the form of a points CSV.

The limits are the engineers' (what an operator may do), the safe envelope is the process's (what must never be, whoever
did it). The demo puts this file beside the learned policy; the tests of the twin use the same points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from icsguard.core.meaning import Table
from icsguard.lab import registers as at

UNIT: Final = 1
HEADER: Final = (
    "name,unit_id,table,address,type,order,scale,offset,unit,min,max,max_step,max_rate,min_interval,"
    "allowed,mask,safe_min,safe_max,atomic,kind,loop,overlaps,max_age"
)


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of the CSV; empty text means: the default."""

    name: str
    table: Table
    address: int
    type: str = "u16"
    scale: str = ""
    unit: str = ""
    low: str = ""
    high: str = ""
    max_step: str = ""
    max_rate: str = ""
    min_interval: str = ""
    mask: str = ""
    safe_low: str = ""
    safe_high: str = ""
    kind: str = ""
    loop: str = ""

    @property
    def line(self) -> str:
        """The row as text, in the order of HEADER."""
        cells = (
            *(self.name, str(UNIT), self.table.word, str(self.address), self.type, "", self.scale, "", self.unit),
            *(self.low, self.high, self.max_step, self.max_rate, self.min_interval, "", self.mask),
            *(self.safe_low, self.safe_high, "", self.kind, self.loop, "", ""),
        )
        return ",".join(cells)


def _measured(name: str, address: int, scale: str, unit: str, safe: tuple[str, str] = ("", ""), loop: str = "") -> _Row:
    return _Row(name, Table.INPUT, address, scale=scale, unit=unit, safe_low=safe[0], safe_high=safe[1], loop=loop)


def _setpoint(name: str, address: int, loop: str, max_rate: str = "") -> _Row:
    return _Row(
        name,
        Table.HOLDING,
        address,
        scale="0.001",
        unit="m",
        low="1.7",
        high="2.7",
        max_step="0.5",
        max_rate=max_rate,
        min_interval="0.4",
        loop=loop,
    )


def _speed(name: str, address: int, loop: str) -> _Row:
    return _Row(name, Table.HOLDING, address, scale="0.1", unit="%", low="0", high="80", min_interval="0.4", loop=loop)


def _switch(name: str, address: int, loop: str) -> _Row:
    return _Row(name, Table.COIL, address, type="bool", min_interval="0.5", loop=loop)


_LEVEL_1_SAFE: Final = ("1.2", "3.0")
_LEVEL_2_SAFE: Final = ("1.4", "3.0")  # below it the fire brigade has no reserve

ROWS: Final = (
    _measured("level_1", at.LEVEL_1, "0.001", "m", _LEVEL_1_SAFE, "LIC-1"),
    _measured("level_2", at.LEVEL_2, "0.001", "m", _LEVEL_2_SAFE, "LIC-2"),
    _measured("flow_in", at.FLOW_IN, "0.1", "l/s", loop="LIC-1"),
    _measured("flow_transfer", at.FLOW_TRANSFER, "0.1", "l/s", loop="LIC-2"),
    _measured("flow_town", at.FLOW_TOWN, "0.1", "l/s"),
    _measured("speed_1", at.SPEED_1, "0.1", "%", loop="LIC-1"),
    _measured("speed_2", at.SPEED_2, "0.1", "%", loop="LIC-2"),
    _measured("valve", at.VALVE, "0.1", "%", loop="LIC-2"),
    _measured("chlorine", at.CHLORINE, "0.01", "mg/l", ("0.2", "3.0"), "AIC-1"),
    _Row("pump_1_runs", Table.DISCRETE, at.PUMP_1_RUNS, type="bool", loop="LIC-1"),
    _Row("pump_2_runs", Table.DISCRETE, at.PUMP_2_RUNS, type="bool", loop="LIC-2"),
    _Row("alarm_high_1", Table.DISCRETE, at.HIGH_1, type="bool", loop="LIC-1"),
    _Row("alarm_low_1", Table.DISCRETE, at.LOW_1, type="bool", loop="LIC-1"),
    _Row("alarm_high_2", Table.DISCRETE, at.HIGH_2, type="bool", loop="LIC-2"),
    _Row("alarm_low_2", Table.DISCRETE, at.LOW_2, type="bool", loop="LIC-2"),
    _setpoint("setpoint_1", at.SETPOINT_1, "LIC-1"),
    # Tank 2 feeds the town: its level may be moved by 0.48 m in a minute altogether, however small the steps.
    _setpoint("setpoint_2", at.SETPOINT_2, "LIC-2", max_rate="0.008"),
    _speed("manual_speed_1", at.MANUAL_SPEED_1, "LIC-1"),
    _speed("manual_speed_2", at.MANUAL_SPEED_2, "LIC-2"),
    _Row("valve_command", Table.HOLDING, at.VALVE_COMMAND, scale="0.1", unit="%", low="40", high="100", loop="LIC-2"),
    _Row("alarm_limit_high", Table.HOLDING, at.LIMIT_HIGH, scale="0.001", unit="m", low="2.8", high="3.0"),
    _Row("alarm_limit_low", Table.HOLDING, at.LIMIT_LOW, scale="0.001", unit="m", low="1.2", high="1.4"),
    _Row("control_word", Table.HOLDING, at.CONTROL_WORD, mask="0x0003"),
    _Row(
        "dose",
        Table.HOLDING,
        at.DOSE,
        type="f32",
        unit="mg/l",
        low="0.3",
        high="1.5",
        max_step="0.5",
        min_interval="0.4",
        loop="AIC-1",
    ),
    _switch("auto_1", at.AUTO_1, "LIC-1"),
    _switch("auto_2", at.AUTO_2, "LIC-2"),
    _switch("pump_1", at.PUMP_1, "LIC-1"),
    _switch("pump_2", at.PUMP_2, "LIC-2"),
    _Row("emergency_stop", Table.COIL, at.EMERGENCY_STOP, type="bool", kind="safety"),
)


def points_csv() -> str:
    """Return the cell's point list as the text of a CSV file."""
    return "\n".join((HEADER, *(row.line for row in ROWS))) + "\n"
