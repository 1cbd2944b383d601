"""The control program of the simulated PLC: it measures, regulates, drives and shows, once each scan.

Two PI loops with automatic and manual, a low-level interlock, alarms; sensors with noise and the quanta of their
registers. It does what a small real program does and no more: it trusts every value that arrives over Modbus. That
trust is what the attacks of `icsguard.lab.attacks` use. Deterministic for a seed; no clock, the caller scans.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field
from typing import Final

from icsguard.lab import registers as at
from icsguard.lab.registers import Registers
from icsguard.lab.water import Commands, Water, step

LEVEL_QUANTUM_M: Final = 0.001
FLOW_QUANTUM_L_S: Final = 0.1
PERMILLE: Final = 0.001
CHLORINE_QUANTUM_MG_L: Final = 0.01
LITRES: Final = 1000.0

_LEVEL_NOISE_M: Final = 0.0015
_FLOW_NOISE_L_S: Final = 0.12
_SPEED_NOISE: Final = 0.0004
_CHLORINE_NOISE_MG_L: Final = 0.004
_RUNS_ABOVE: Final = 0.05
_TOP_SPEED: Final = 0.98
_INTERLOCK: Final = 0.3  # pump 2 stands still below this share of the low alarm's limit
MAX_STARTS: Final = 6
"""So many starts of pump 2 within START_WINDOW_S overheat its motor for good."""
START_WINDOW_S: Final = 60.0


@dataclass(slots=True)
class Loop:
    """One PI controller of a level, acting on a pump's speed."""

    gain: float
    """Speed (fraction) per metre of error."""
    reset: float
    """Speed (fraction) per metre and second of error."""
    bias: float
    """Integral part: the speed at no error."""

    def speed(self, error_m: float, seconds: float) -> float:
        """Return the wanted speed, 0 to 1; the integral stands still where the drive cannot follow."""
        wanted = self.bias + self.gain * error_m
        if 0.0 < wanted < _TOP_SPEED:
            self.bias = min(max(self.bias + self.reset * error_m * seconds, 0.3), 0.9)
        return min(max(wanted, 0.0), _TOP_SPEED)


def _loop_1() -> Loop:
    return Loop(gain=0.5, reset=0.004, bias=0.49)


def _loop_2() -> Loop:
    return Loop(gain=0.6, reset=0.005, bias=0.58)


@dataclass(slots=True)
class Program:
    """The cell with its controller: registers in front, water behind."""

    seed: int = 1
    water: Water = field(default_factory=Water)
    registers: Registers = field(default_factory=Registers)
    running: bool = True
    """False after a programming command stopped it: drives off, registers still served."""
    loop_1: Loop = field(default_factory=_loop_1)
    loop_2: Loop = field(default_factory=_loop_2)
    burnt: bool = False
    """The motor of pump 2 was started too often."""
    _starts: deque[float] = field(default_factory=lambda: deque(maxlen=MAX_STARTS))
    _was_on: bool = True
    _noise: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._noise = random.Random(self.seed)
        self._measure()

    def scan(self, seconds: float) -> None:
        """Let `seconds` of plant time pass: regulate on what is measured, move the water, measure again."""
        commands = self._commands(seconds) if self.running else Commands(valve=self.water.valve, dose_mg_l=0.0)
        self.water = step(self.water, commands, seconds)
        self._measure()

    @property
    def harms(self) -> tuple[str, ...]:
        """Say what an attack has achieved so far, in words: damage to the plant, or control that was lost."""
        lost = () if self.running else ("the control program is stopped",)
        bypassed = self.registers.holding[at.CONTROL_WORD] & at.BYPASS_BIT
        return (
            *self.water.damage.names,
            *(("the motor of pump 2 is burnt out",) if self.burnt else ()),
            *lost,
            *(("the dry-run interlock is bypassed",) if bypassed else ()),
        )

    def _commands(self, seconds: float) -> Commands:
        holding, coils = self.registers.holding, self.registers.coils
        level_1, level_2 = self._level(at.LEVEL_1), self._level(at.LEVEL_2)
        speed_1 = holding[at.MANUAL_SPEED_1] * PERMILLE
        if coils[at.AUTO_1]:
            speed_1 = self.loop_1.speed(holding[at.SETPOINT_1] * LEVEL_QUANTUM_M - level_1, seconds)
        speed_2 = holding[at.MANUAL_SPEED_2] * PERMILLE
        if coils[at.AUTO_2]:
            speed_2 = self.loop_2.speed(holding[at.SETPOINT_2] * LEVEL_QUANTUM_M - level_2, seconds)
        stopped = bool(coils[at.EMERGENCY_STOP])
        runs_2 = bool(coils[at.PUMP_2]) and not stopped and not self._interlocked(level_1)
        self._count_start(on=runs_2)
        return Commands(
            speed_1=speed_1 if coils[at.PUMP_1] and not stopped else 0.0,
            speed_2=speed_2 if runs_2 and not self.burnt else 0.0,
            valve=holding[at.VALVE_COMMAND] * PERMILLE,
            dose_mg_l=self.registers.dose_mg_l,
        )

    def _count_start(self, *, on: bool) -> None:
        if on and not self._was_on:
            self._starts.append(self.water.time_s)
            often = len(self._starts) == MAX_STARTS and self.water.time_s - self._starts[0] < START_WINDOW_S
            self.burnt = self.burnt or often
        self._was_on = on

    def _interlocked(self, level_1: float) -> bool:
        """Say whether pump 2 must stand still because tank 1 is nearly empty."""
        holding = self.registers.holding
        bypassed = holding[at.CONTROL_WORD] & at.BYPASS_BIT
        return not bypassed and level_1 < holding[at.LIMIT_LOW] * LEVEL_QUANTUM_M * _INTERLOCK

    def _level(self, address: int) -> float:
        return self.registers.inputs[address] * LEVEL_QUANTUM_M

    def _measure(self) -> None:
        water, registers, noisy = self.water, self.registers, self._noise.gauss
        registers.show(at.LEVEL_1, water.level_1_m + noisy(0.0, _LEVEL_NOISE_M), LEVEL_QUANTUM_M)
        registers.show(at.LEVEL_2, water.level_2_m + noisy(0.0, _LEVEL_NOISE_M), LEVEL_QUANTUM_M)
        flows = ((at.FLOW_IN, water.flow_in), (at.FLOW_TRANSFER, water.flow_transfer), (at.FLOW_TOWN, water.flow_town))
        for address, flow in flows:
            seen = flow * LITRES + noisy(0.0, _FLOW_NOISE_L_S) if flow > 0.0 else 0.0  # low-flow cut-off
            registers.show(address, seen, FLOW_QUANTUM_L_S)
        for address, speed in ((at.SPEED_1, water.speed_1), (at.SPEED_2, water.speed_2), (at.VALVE, water.valve)):
            registers.show(address, speed + noisy(0.0, _SPEED_NOISE), PERMILLE)
        registers.show(at.CHLORINE, water.chlorine_mg_l + noisy(0.0, _CHLORINE_NOISE_MG_L), CHLORINE_QUANTUM_MG_L)
        self._signal()

    def _signal(self) -> None:
        registers, water = self.registers, self.water
        high, low = registers.holding[at.LIMIT_HIGH], registers.holding[at.LIMIT_LOW]
        level_1, level_2 = registers.inputs[at.LEVEL_1], registers.inputs[at.LEVEL_2]
        registers.discrete[at.PUMP_1_RUNS] = int(water.speed_1 > _RUNS_ABOVE)
        registers.discrete[at.PUMP_2_RUNS] = int(water.speed_2 > _RUNS_ABOVE)
        registers.discrete[at.HIGH_1], registers.discrete[at.LOW_1] = int(level_1 > high), int(level_1 < low)
        registers.discrete[at.HIGH_2], registers.discrete[at.LOW_2] = int(level_2 > high), int(level_2 < low)
