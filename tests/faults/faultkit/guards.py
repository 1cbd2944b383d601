"""What is put through the cases: icsguard as `icsguard run` starts it, its gateway alone, and the relays beside it."""

import contextlib
import json
import os
import resource
import sys
from pathlib import Path

from faultkit.processes import free_port, listens, start, stop, until
from faultkit.registry import CannotRun
from faultkit.wire import LOOPBACK
from icsguard.control.requests import GetRecords, GetStatus, Reload
from icsguard.runtime.control_client import ControlError, ask

DEVICE_TIMEOUT_S = 0.5
CONNECT_TIMEOUT_S = 1.0
INCOMPLETE_S = 2
UNITS = list(range(256))
POLICY = """[clients]
anybody = ["127.0.0.0/8"]
[[rule]]
id = "work"
clients = ["anybody"]
units = {units}
functions = [1, 2, 3, 4, 5, 6, 15, 16, 22, 23]
ranges = ["holding 0..49999", "coil 0..49999", "discrete 0..49999", "input 0..49999"]
[[rule]]
id = "ask"
clients = ["anybody"]
units = [20]
functions = [6]
ranges = ["holding 55000..55099"]
action = "hold"
"""
HELD = 55_000
"""First of a hundred addresses that only a human permits."""
FORBIDDEN = 60_000
"""An address that no rule permits."""
CONDUIT = """[conduit.{name}]
listen = "{host}:{listen}"
device = "{host}:{device}"
mode = "enforce"
policy = "policy.toml"
device_timeout_ms = {timeout}
connect_timeout_ms = {connect}
incomplete_timeout_s = {incomplete}
max_clients = {clients}
judge_deadline_ms = 20
hold_ttl_s = 1
"""


class Guard:
    """The common part: two conduits, main and sick, each to its own device."""

    name = "?"
    ours = False

    def __init__(self, folder):
        self.folder = Path(folder)
        self.main = self.sick = 0


class Icsguard(Guard):
    """icsguard in a folder of its own. `whole` is the supervisor with all three processes, else the gateway alone."""

    name = "icsguard"
    ours = True

    def __init__(self, folder, main, sick, *, whole=True, extra="", clients=1024, most_files=0, nice=0, preload=None):
        super().__init__(folder)
        self.whole = whole
        self.main, self.sick, self.pooled = free_port(), free_port(), free_port()
        self.config = self.folder / "icsguard.toml"
        self.log = self.folder / "icsguard.log"
        self.control = self.folder / "run" / "control.sock"
        self.records_path = self.folder / "state" / "records" / "records.jsonl"
        self._most_files, self._nice = most_files, nice
        self._environment = preload or {}
        self.process = None
        ports = {"main": (self.main, main), "sick": (self.sick, sick), "pooled": (self.pooled, sick)}
        self.write_config(ports, extra, clients)
        self.write_policy()
        for name in ("run", "state"):
            (self.folder / name).mkdir(exist_ok=True)

    def write_config(self, ports, extra, clients):
        """Write icsguard.toml."""
        text = f'[gateway]\nname = "faults"\nstate = "{self.folder}/state"\nrun = "{self.folder}/run"\n'
        for name, (listen, device) in ports.items():
            text += CONDUIT.format(
                name=name,
                host=LOOPBACK,
                listen=listen,
                device=device,
                timeout=round(1000 * DEVICE_TIMEOUT_S),
                connect=round(1000 * CONNECT_TIMEOUT_S),
                incomplete=INCOMPLETE_S,
                clients=clients,
            )
            text += "links = 1\n" * (name == "pooled")
        self.config.write_text(text + extra)

    def write_policy(self, more=""):
        """Write the policy, with more rules where asked."""
        (self.folder / "policy.toml").write_text(POLICY.format(units=UNITS) + more)

    def start(self):
        """Start it and wait until it serves."""
        self.spawn()
        if until(self.is_up) is None:
            words = self.words()
            self.stop()
            raise RuntimeError(f"icsguard does not start: {words}")

    def spawn(self):
        """Start it; do not wait."""
        module = "supervisor" if self.whole else "gateway"
        command = [sys.executable, "-m", f"icsguard.runtime.{module}", "--config", str(self.config)]
        limit = self._limit if self._most_files or self._nice else None
        self.process = start(command, self.log, preexec_fn=limit, env=self._environment)

    def _limit(self):
        os.nice(self._nice)
        if self._most_files:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._most_files, self._most_files))

    def is_up(self):
        """Say whether it serves, with both parts where there are any."""
        if self.process.poll() is not None:
            raise RuntimeError(f"icsguard ended with status {self.process.returncode}: {self.words()}")
        if not listens(self.main):
            return False
        return not self.whole or all(part.state == "up" for part in self.parts().values())

    def words(self):
        """Return the end of the log."""
        return self.log.read_text(errors="replace")[-600:] if self.log.exists() else ""

    def status(self):
        """Return the status; None where nobody answers."""
        with contextlib.suppress(ControlError):
            return ask(self.control, GetStatus(), 5.0)
        return None

    def parts(self):
        """Return shadow and recorder, by role; both with state `down` where nobody answers."""
        status = self.status()
        return {part.role: part for part in status.parts} if status else {"none": _Down}

    @property
    def pid(self):
        """Process id of the gateway."""
        status = self.status() if self.whole else None
        return status.pid if status else self.process.pid

    @property
    def main_pid(self):
        """The process that a service manager would end."""
        return self.process.pid

    def conduit(self, name="main"):
        """Return one conduit's status."""
        return next(one for one in self.status().conduits if one.name == name)

    def records(self, last=1000, **filters):
        """Return the newest records, newest last."""
        return ask(self.control, GetRecords(last=last, **filters), 5.0).records

    def written(self):
        """Return the records on disk."""
        lines = self.records_path.read_bytes().splitlines() if self.records_path.exists() else []
        return [json.loads(line) for line in lines]

    def reload(self):
        """Have it read its configuration again; return the reply, which comes when that is done."""
        return ask(self.control, Reload(reason="a fault case"), 30.0)

    def warnings(self):
        """Return what the status warns of."""
        return " ".join(self.status().warnings)

    def stop(self):
        """Stop it and wait."""
        if self.process is not None:
            stop(self.process)


class _Down:
    state = "down"


class Peer(Guard):
    """A relay of the benchmark, one instance for both devices."""

    def __init__(self, folder, main, sick, contender):
        super().__init__(folder)
        self.name = contender.name
        self._contender = contender
        self._ports = (main, sick)
        self._stack = contextlib.ExitStack()

    def start(self):
        """Start one instance for each device. Raises CannotRun."""
        from bench.peers.api import Stage
        from bench.place import choose
        from bench.process import NotReadyError

        why = self._contender.absent()
        if why:
            raise CannotRun(why)
        try:
            standings = []
            for index, port in enumerate(self._ports):
                folder = self.folder / f"{self.name}-{index}"
                folder.mkdir()
                stage = Stage(choose(realtime=False), Path(), folder, port)
                standings.append(self._stack.enter_context(self._contender.stand(stage)))
        except NotReadyError as error:
            raise CannotRun(str(error)) from error
        self.main, self.sick = (standing.port for standing in standings)
        self.pid, self.main_pid = standings[0].own[-1], standings[0].own[0]

    def stop(self):
        """Stop it."""
        self._stack.close()


def peers():
    """Return the makers of the relays that this machine may have."""
    from bench.peers.haproxy import Haproxy
    from bench.peers.modbus_proxy import ModbusProxy
    from bench.peers.nginx import Nginx

    return [Nginx(), Haproxy(), ModbusProxy()]
