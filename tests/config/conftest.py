"""A good configuration as texts, and helpers to break it in one place."""

from pathlib import Path

import pytest

from icsguard.config.load import check, check_file

MAIN = "/etc/icsguard/icsguard.toml"
MAIN_TEXT = """\
[gateway]
state = "state"

[conduit.plc1]
listen = "0.0.0.0:1502"
device = "10.1.0.5:502"
mode = "enforce"
policy = "p.toml"
points = "p.csv"
"""
POLICY = """\
[clients]
hmi = ["10.0.0.21", "10.1.0.0/24"]
eng = ["10.0.5.5"]

[[rule]]
id = "watch"
clients = ["hmi"]
units = [1]
preset = "monitoring"

[[rule]]
id = "pump"
clients = ["hmi"]
units = [1]
functions = [6, 16]
points = ["pump_speed"]
"""
POINTS = """\
name,unit_id,table,address,type,order,scale,unit,min,max,max_step
pump_speed,1,holding,12,u16,,0.1,rpm,0,80,
tank_level,1,input,0,f32,CDAB,,m,,,
"""


@pytest.fixture
def shipped():
    rules = Path(__file__).parents[2] / "rules"
    return {f"shipped:{file.name}": file.read_text() for file in rules.glob("*.toml")}


@pytest.fixture
def texts(shipped):
    return {MAIN: MAIN_TEXT, "p.toml": POLICY, "p.csv": POINTS, **shipped}


@pytest.fixture
def told(texts):
    """Check the good configuration with some texts changed; return settings and problems as lines."""

    def run(**changes):
        names = {"main": MAIN, "policy": "p.toml", "points": "p.csv"}
        settings, problems = check({**texts, **{names[key]: text for key, text in changes.items()}}, MAIN)
        return settings, [str(problem) for problem in problems]

    return run


@pytest.fixture
def policy(shipped):
    """Compile a policy text with its points; it must be good."""

    def run(text=POLICY, points=POINTS):
        made, problems = check_file({"p.toml": text, "p.csv": points, **shipped}, "p.toml", "p.csv")
        assert [] == [str(problem) for problem in problems if problem.severity == "error"]
        return made

    return run


@pytest.fixture
def main_text():
    return MAIN_TEXT


@pytest.fixture
def policy_text():
    return POLICY


@pytest.fixture
def points_text():
    return POINTS
