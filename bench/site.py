"""The site that icsguard guards in a run: its options, policy and points, with the six rules every guard is given.

1 write registers from 60000 on, 2 write coils there, 3 diagnostics, 4 functions that nobody uses, 5 a function that is
none, 6 a protocol that is not Modbus. In icsguard all six are the default: nothing of it is permitted.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

GATEWAY: Final = """
[gateway]
name = "bench"
state = "{folder}/state"
run = "{folder}/run"
"""
CONDUIT: Final = """
[conduit.{name}]
listen = "127.0.0.1:{port}"
device = "127.0.0.1:{device}"
mode = "{mode}"
policy = "cell.policy.toml"
points = "cell.points.csv"
max_clients = 1024
"""
POLICY: Final = """
packs = ["modbus-baseline"]
[clients]
scada = ["127.0.0.1"]
[[rule]]
id = "poll"
clients = ["scada"]
units = [1]
functions = [3]
ranges = ["holding 0..65535"]
[[rule]]
id = "operate"
clients = ["scada"]
units = [1]
functions = [6, 16]
ranges = ["holding 9900..59999"]
"""
FILLER: Final = """
[[rule]]
id = "station-{index}"
clients = ["station{group}"]
units = [{unit}]
functions = [3, 4]
ranges = ["holding {first}..{last}"]
"""
POINTS: Final = """name,unit_id,table,address,type,scale,unit,min,max,safe_min,safe_max,loop
set_point,1,holding,9900,u16,1,mm,0,1000,,,tank
level,1,holding,9901,u16,0.1,mm,,,50,950,tank
outflow,1,holding,9902,u16,0.1,l/s,,,,,tank
"""
STATIONS: Final = 50


def write_site(folder: Path, conduits: dict[str, tuple[int, int]], *, mode: str = "enforce") -> Path:
    """Write icsguard.toml and what it names; return its path. `conduits`: name to (listen port, device port)."""
    parts = [GATEWAY.format(folder=folder)]
    parts += [CONDUIT.format(name=name, port=a, device=b, mode=mode) for name, (a, b) in conduits.items()]
    config = folder / "icsguard.toml"
    config.write_text("".join(parts))
    write_policy(folder, rules=0)
    (folder / "cell.points.csv").write_text(POINTS)
    return config


def write_policy(folder: Path, *, rules: int) -> None:
    """Write the policy, with so many rules more that concern other stations."""
    groups = "".join(f'station{group} = ["10.7.{group}.0/24"]\n' for group in range(STATIONS)) if rules else ""
    text = POLICY.replace('scada = ["127.0.0.1"]\n', f'scada = ["127.0.0.1"]\n{groups}')
    fillers = (
        FILLER.format(index=i, group=i % STATIONS, unit=i % 200 + 2, first=i * 5, last=i * 5 + 4) for i in range(rules)
    )
    fresh = folder / "cell.policy.fresh"
    fresh.write_text(text + "".join(fillers))
    fresh.replace(folder / "cell.policy.toml")
