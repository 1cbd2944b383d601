"""Processes that fault cases start: helpers with a handle, and what /proc says of any of them."""

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from faultkit.wire import LOOPBACK

READY_S = 15.0
STOP_S = 12.0
HERE = Path(__file__).resolve().parent.parent


def free_port():
    """Return a loopback port that nobody has at the moment."""
    with socket.create_server((LOOPBACK, 0)) as probe:
        return probe.getsockname()[1]


def start(command, log, **options):
    """Start a process in a group of its own; both outputs go to `log`."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), str(HERE.parent.parent)])}
    environment |= options.pop("env", {})
    options.setdefault("stdin", subprocess.DEVNULL)
    with Path(log).open("ab") as out:
        options.setdefault("stdout", out)
        return subprocess.Popen(command, stderr=out, env=environment, process_group=0, **options)


def stop(process, number=signal.SIGTERM):
    """End a process that `start` made and wait for it."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def until(condition, seconds=READY_S, every=0.01):
    """Wait until `condition()` is true; return how long it took, or None where it never came."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            return None
        time.sleep(every)
    return time.monotonic() - started


def listens(port):
    """Say whether somebody listens on the loopback port, without calling: a single-connection device would notice."""
    wanted = f":{port:04X}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_rest = line.split()
            if local.endswith(wanted) and state == "0A":
                return True
    return False


def descriptors(pid):
    """Return how many file descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - counting is all


def rss_mb(pid):
    """Return how much memory a process has, in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu_s(pid):
    """Return how much processor time a process has used, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def waited_ms(pid):
    """Return how long a process was ready to run and had no processor, by the kernel's count; 0 where it keeps none."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e6
    except (OSError, IndexError):
        return 0.0


@contextlib.contextmanager
def limited(pid, what, soft):
    """Have a process under a resource limit inside the block; its hard limit stays, so that it can be lifted again."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (soft, before[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):  # it may not have survived
            resource.prlimit(pid, what, before)


class DeviceHandle:
    """A running fake device. Orders are answered before the next line of a case runs."""

    def __init__(self, folder, name):
        self.port = free_port()
        control = Path(folder) / f"{name}.sock"
        command = [sys.executable, "-m", "faultkit.device", str(self.port), str(control)]
        self.process = start(command, Path(folder) / f"{name}.log")
        if until(lambda: control.exists() and listens(self.port)) is None:
            stop(self.process)
            raise RuntimeError(f"the fake device does not start: {(Path(folder) / f'{name}.log').read_text()[-500:]}")
        self._channel = socket.socket(socket.AF_UNIX)
        self._channel.settimeout(10)
        self._channel.connect(str(control))
        self._lines = self._channel.makefile("rb")

    def order(self, do, **more):
        """Have an order carried out; return the facts after it."""
        self._channel.sendall(json.dumps({"do": do, **more}).encode() + b"\n")
        return json.loads(self._lines.readline())

    def facts(self):
        """Return what arrived since `forget`."""
        return self.order("facts")

    def plan(self, **plans):
        """Say how units misbehave: `plan(u9={"do": "silent"})`; all others are honest."""
        self.order("plan", plans={unit[1:]: plan for unit, plan in plans.items()})

    def values(self):
        """Return how often each `unit/address/value` was written."""
        return self.order("values")["values"]

    def log(self):
        """Return the raw requests that arrived."""
        return [bytes.fromhex(raw) for raw in self.order("log")["log"]]

    def stop(self):
        """End it."""
        self._lines.close()
        self._channel.close()
        stop(self.process)


class BystanderHandle:
    """A running bystander."""

    def __init__(self, folder, guarded, direct):
        command = [sys.executable, "-m", "faultkit.bystander", str(guarded), str(direct)]
        log = Path(folder) / "bystander.log"
        self.process = start(command, log, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def period(self):
        """Return how the guarded and the direct poll were since the last call."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        """End it."""
        self.process.stdin.close()
        stop(self.process)
