"""Rounds over OPC UA: a relay and icsguard in turn before the same server, under the same load; CPU of each counted."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.opcua.wire import NAMESPACE, write_identity
from bench.place import Place
from bench.process import free_port, last_words, running, wait_for_port

SESSIONS: Final = 8
NODES: Final = 10
WARM_S: Final = 1.0
SECURITY_NAMES: Final = {
    "None": "None",
    "Sign": "Basic256Sha256/Sign",
    "SignAndEncrypt": "Basic256Sha256/SignAndEncrypt",
}
CONFIG: Final = """[gateway]
state = "{folder}/state"
run = "{folder}/run"
[conduit.ua]
protocol = "opcua"
listen = "127.0.0.1:{port}"
device = "127.0.0.1:{device}"
mode = "enforce"
policy = "ua.policy.toml"
[conduit.ua.opcua]
way = "{way}"
pki = "{folder}/pki"
client_security = ["{security}"]
server_security = "{security}"
device_url = "opc.tcp://127.0.0.1:{device}/bench"
"""
POLICY: Final = f"""[clients]
hmi = ["127.0.0.1"]
[opcua]
security = "None"
anonymous = true
[opcua.namespaces]
plant = "{NAMESPACE}"
[opcua.limits]
sessions_per_client = 64
opens_per_minute = 6000
[[opcua.rule]]
id = "look"
clients = ["hmi"]
services = ["Read"]
nodes = ["plant:s=P*"]
"""


@dataclass(frozen=True, slots=True)
class Contender:
    """Something between load and server."""

    name: str
    way: str
    """`asyncio` or `uvloop` for a plain relay; `terminate` or `passthrough` for icsguard."""

    @property
    def is_relay(self) -> bool:
        """Say whether it is a plain relay."""
        return self.way in {"asyncio", "uvloop"}


@dataclass(frozen=True, slots=True)
class UaRow:
    """One contender under one security in one round."""

    round: int
    contender: str
    security: str
    per_second: float
    cpu_us: float
    """CPU time of the contender for one request, user and system."""
    p50_us: float
    p99_us: float
    errors: int
    problem: str = ""


RELAY: Final = Contender("relay", "asyncio")
CONTENDERS: Final = {
    "None": (
        RELAY,
        Contender("relay-uvloop", "uvloop"),
        Contender("passthrough", "passthrough"),
        Contender("terminate", "terminate"),
    ),
    "Sign": (RELAY, Contender("terminate", "terminate")),
    "SignAndEncrypt": (RELAY, Contender("terminate", "terminate")),
}


class Failed(Exception):  # noqa: N818 - told in a row, not to a caller
    """A row could not be measured; the text says why."""


def rows(place: Place, folder: Path, rounds: int, seconds: float, wanted: Sequence[str]) -> Iterator[UaRow]:
    """Yield a row for each round, security and contender."""
    keys = folder / "keys"
    keys.mkdir(parents=True)
    for name in ("server", "client", "gateway"):
        write_identity(keys, name)
    for number in range(rounds):
        for security in wanted:
            contenders = CONTENDERS[security]
            for contender in contenders if number % 2 == 0 else contenders[::-1]:
                yield _row(place, folder, number, security, contender, seconds)


def _row(place: Place, folder: Path, number: int, security: str, contender: Contender, seconds: float) -> UaRow:
    stage = folder / f"{number}-{security}-{contender.name}"
    stage.mkdir()
    try:
        report = _measured(place, stage, folder / "keys", security, contender, seconds)
    except (Failed, OSError, RuntimeError, ValueError) as error:
        return UaRow(number, contender.name, security, 0.0, 0.0, 0.0, 0.0, 1, str(error))
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    answers = report["answers"] or 1
    return UaRow(
        number,
        contender.name,
        security,
        answers / report["seconds"],
        report["cpu_s"] * 1e6 / answers,
        report["p50_us"],
        report["p99_us"],
        int(report["errors"]),
    )


def _measured(
    place: Place, stage: Path, keys: Path, security: str, contender: Contender, seconds: float
) -> dict[str, float]:
    device, port, log = free_port(), free_port(), stage / "log"
    python = [*place.data, sys.executable, "-m"]
    own = Path(__file__).resolve().parents[2]
    with ExitStack() as stack:
        served = stack.enter_context(
            running([*python, "bench.opcua.device", str(device), str(keys), security], log, cwd=own)
        )
        wait_for_port(device, served, log)
        if contender.is_relay:
            command = [*python, "bench.opcua.relay", str(port), str(device), contender.way]
        else:
            config = _site(stage, keys, port, device, security, contender.way)
            command = [*place.gateway, sys.executable, "-m", "icsguard.runtime.gateway", "--config", str(config)]
        between = stack.enter_context(running(command, log, cwd=own))
        wait_for_port(port, between, log)
        ends_here = contender.way == "terminate"
        shown = keys / ("gateway.der" if ends_here else "server.der")
        shutil.copy(shown, keys / "shown.der")
        return _loaded(python, own, keys, security, port, between.pid, seconds, log)


def _loaded(  # noqa: PLR0913, PLR0917 - the words of one command line
    python: list[str], own: Path, keys: Path, security: str, port: int, watched: int, seconds: float, log: Path
) -> dict[str, float]:
    """Run the load; count the CPU of `watched` from the end of the warm-up to the end of the load."""
    url = f"opc.tcp://127.0.0.1:{port}/bench"
    command = [*python, "bench.opcua.load", url, str(keys), security, str(SESSIONS), str(NODES), str(WARM_S)]
    with (
        log.open("ab") as errors,
        subprocess.Popen([*command, str(seconds)], cwd=own, stdout=subprocess.PIPE, stderr=errors, text=True) as load,
    ):
        assert load.stdout is not None  # noqa: S101 - it was asked for
        if not load.stdout.readline():
            load.wait(10)
            raise Failed(last_words(log))
        before = cpu_s(watched)
        line = load.stdout.readline()
        spent = cpu_s(watched) - before
        load.wait(20)
    if not line:
        raise Failed(last_words(log))
    report: dict[str, float] = json.loads(line)
    return {**report, "cpu_s": spent}


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process so far, all its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _site(stage: Path, keys: Path, port: int, device: int, security: str, way: str) -> Path:
    pki = stage / "pki"
    for name in ("own", "trusted", "issuers", "rejected"):
        (pki / name).mkdir(parents=True, mode=0o700)
    for source, target in (
        ("gateway.der", "own/gateway.der"),
        ("gateway.pem", "own/gateway.pem"),
        ("server.der", "trusted/server.der"),
        ("client.der", "trusted/client.der"),
    ):
        shutil.copy(keys / source, pki / target)
    (pki / "own" / "gateway.pem").chmod(0o600)
    text = CONFIG.format(folder=stage, port=port, device=device, way=way, security=SECURITY_NAMES[security])
    (stage / "icsguard.toml").write_text(text, encoding="utf-8")
    (stage / "ua.policy.toml").write_text(POLICY, encoding="utf-8")
    return stage / "icsguard.toml"
