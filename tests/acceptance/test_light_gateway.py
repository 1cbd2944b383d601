"""The gateway process, after a life of traffic and of an operator's commands, has none of the heavy packages in it."""

import json
import struct
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(150)  # starting three processes is slow on a machine that does other work
HEAVY = {"numpy", "onnxruntime", "pymodbus", "asyncua", "scapy", "pydantic", "pydantic_core"}
NOTE_AT_THE_END = '''"""Each process of the test writes down, when it ends, which modules it has."""
import atexit, json, os, sys

@atexit.register
def _note():
    with open(os.path.join(os.environ["NOTED_MODULES"], f"{os.getpid()}.json"), "w", encoding="utf-8") as file:
        json.dump([sys.argv, sorted(sys.modules)], file)
'''
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "operate"
clients = ["hmi"]
units = [1]
functions = [1, 2, 3, 4, 5, 6, 15, 16, 22, 23]
ranges = ["holding 0..39", "coil 0..15", "discrete 0..15", "input 0..15"]
"""
POINTS = "name,unit_id,table,address,type,min,max,safe_max\nspeed,1,holding,12,u16,10,80,90\n"
REQUESTS = [
    *(struct.pack(">BHH", function, 0, 10) for function in (1, 2, 3, 4)),
    struct.pack(">BHH", 5, 1, 0xFF00),
    struct.pack(">BHH", 6, 12, 20),
    struct.pack(">BHHBB", 15, 0, 8, 1, 5),
    struct.pack(">BHHBHH", 16, 3, 2, 4, 7, 8),
    struct.pack(">BHHH", 22, 5, 0, 9),
    struct.pack(">BHHHHBH", 23, 0, 2, 5, 1, 2, 9),
    struct.pack(">BHH", 6, 12, 9000),
    struct.pack(">BHH", 6, 12, 81),
    struct.pack(">BHH", 3, 500, 1),
    b"\x2b\x0e\x01\x00",
    b"\x11",
    b"\x5a",
    b"\x03\x00",
]


@pytest.fixture(scope="module")
def noted(make_site, plc, connect, tmp_path_factory):
    """Run a site with traffic and commands to its end; return (modules by role, mapped files by role)."""
    folder = tmp_path_factory.mktemp("noted")
    (folder / "sitecustomize.py").write_text(NOTE_AT_THE_END)
    site = make_site(
        {"plc1": (plc.port, "enforce", 'policy = "plc1.policy.toml"\npoints = "plc1.points.csv"\n')},
        {"plc1.policy.toml": POLICY, "plc1.points.csv": POINTS},
        environment={"PYTHONPATH": str(folder), "NOTED_MODULES": str(folder)},
    )
    work(site, connect)
    pids = {"gateway": site.status()["pid"], **site.parts_up()}
    mapped = {role: mapped_files(pid) for role, pid in pids.items()}
    site.stop()
    modules = {role: json.loads((folder / f"{pid}.json").read_text())[1] for role, pid in pids.items()}
    return modules, mapped


def work(site, connect):
    """Have traffic of every kind flow while the operator does everything that the gateway takes part in."""
    with connect(site.port) as client:
        for round_ in (
            ("status",), ("sessions",), ("points",), ("records",), ("explain",), ("tickets",), ("grant", "list"),
            ("mode", "plc1", "learn", "-r", "test", "--yes"), ("mode", "plc1", "enforce", "-r", "test", "--yes"),
            ("policy", "apply", "-r", "test", "--yes"),
            ("isolate", "127.0.0.9", "-r", "test", "--for", "1m", "--yes"),
            ("release", "127.0.0.9", "-r", "test", "--yes"),
        ):  # fmt: skip
            for pdu in REQUESTS:
                client.ask(pdu)
            site.run(*round_)


def mapped_files(pid):
    """Return the files that a process has mapped: the machine code of every package that has any."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return {line.split(maxsplit=5)[5] for line in lines if len(line.split(maxsplit=5)) == 6}


def packages(modules):
    return {name.partition(".")[0] for name in modules}


def test_none_of_the_heavy_packages_was_imported(noted):
    modules, _ = noted
    assert "icsguard.runtime.site" in modules["gateway"]
    assert set() == HEAVY & packages(modules["gateway"])


def test_no_machine_code_of_theirs_is_mapped_while_traffic_flows(noted):
    _, mapped = noted
    assert [] == [path for path in mapped["gateway"] if any(f"/{name}/" in path for name in HEAVY)]


def test_the_looking_finds_them_where_they_belong(noted):
    modules, mapped = noted
    assert {"numpy", "onnxruntime"} <= packages(modules["shadow"])
    assert any("/numpy/" in path for path in mapped["shadow"])


def test_the_recorder_is_as_light(noted):
    modules, _ = noted
    assert set() == HEAVY & packages(modules["recorder"])
