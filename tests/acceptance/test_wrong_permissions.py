"""Wrong permissions, with the real processes: each time one clear line that says what to type next.

Also root is bound by them here: the commands run without the capabilities that let it write and read everything.
"""

import contextlib
import ctypes
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.timeout(150)  # starting three processes is slow on a machine that does other work
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "operate"
clients = ["hmi"]
units = [1]
functions = [3, 6]
ranges = ["holding 0..9"]
"""
POINTS = "name,unit_id,table,address,min,max\nspeed,1,holding,1,10,80\n"
CONFIG = """[gateway]
state = "{state}"
run = "{run}"
[conduit.plc1]
listen = "127.0.0.1:{port}"
device = "127.0.0.1:{device}"
mode = "enforce"
policy = "plc1.policy.toml"
points = "plc1.points.csv"
"""
ALWAYS_ALLOWED = (1, 2, 10)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_NET_BIND_SERVICE
DROP = 24  # PR_CAPBSET_DROP
ERROR, FINDING, PERMISSION = 1, 4, 5
WAIT_S = 30
REFUSED = b"\x86\x03"
FORBIDDEN = struct.pack(">BHH", 6, 1, 9000)
LIBC = ctypes.CDLL(None)


def be_nobody_special():
    """Drop what lets root ignore the modes of files (it is kept from the process that is started, and its children)."""
    for capability in ALWAYS_ALLOWED:
        LIBC.prctl(DROP, capability, 0, 0, 0)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Folder:
    """A folder with a configuration, and what a user types in it."""

    def __init__(self, path):
        self.path = path
        self.port, self.device = free_port(), free_port()
        self.configure()
        (path / "plc1.policy.toml").write_text(POLICY)
        (path / "plc1.points.csv").write_text(POINTS)

    def configure(self, port=0, state="state", run="run"):
        """Write icsguard.toml."""
        text = CONFIG.format(port=port or self.port, device=self.device, state=state, run=run)
        (self.path / "icsguard.toml").write_text(text)

    def made(self, name, mode):
        """Make a folder with a mode."""
        place = self.path / name
        place.mkdir(parents=True)
        place.chmod(mode)

    def start(self, *arguments):
        """Start a command."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("ICSGUARD_")}
        return subprocess.Popen(
            [sys.executable, "-m", "icsguard", *arguments],
            cwd=self.path,
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=be_nobody_special,  # noqa: PLW1509 - system calls, no lock of another thread
        )

    def run(self, *arguments):
        """Run a command to its end; return its status and what it said."""
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(timeout=WAIT_S)
            except subprocess.TimeoutExpired:
                process.terminate()
                raise
        assert "Traceback" not in err
        assert "PermissionError" not in err
        return process.returncode, err + out

    def until_said(self, expected, *command):
        """Repeat a command until it says something; return all that it said."""
        end = time.monotonic() + WAIT_S
        while expected not in (said := self.run(*command)[1]):
            assert time.monotonic() < end, said
            time.sleep(0.2)
        return said


@pytest.fixture
def folder(tmp_path):
    yield Folder(tmp_path)
    for place in (tmp_path, *(place for place in tmp_path.iterdir() if place.is_dir())):
        place.chmod(0o700)  # so that whoever cleans up may do so


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """It runs, although records may not be written and the model may not be read."""
    folder = Folder(tmp_path_factory.mktemp("site"))
    folder.made("state/records", 0o500)
    folder.made("state/models/plc1", 0o700)
    manifest = folder.path / "state" / "models" / "plc1" / "manifest.json"
    manifest.write_text("{}")
    manifest.chmod(0)
    process = folder.start("run")
    try:
        folder.until_said("plc1", "status")
        yield folder
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=WAIT_S)
    assert 0 == process.returncode


@contextlib.contextmanager
def forbidden(path):
    """Take all rights from a file for a while."""
    mode = path.stat().st_mode
    path.chmod(0)
    yield
    path.chmod(mode)


@pytest.mark.parametrize(("name", "mode"), [("state", 0o500), ("state", 0), ("run", 0o500)])
def test_a_folder_that_may_not_be_written(folder, name, mode):
    folder.made(name, mode)
    status, said = folder.run("run")
    assert ERROR == status
    assert f"{name} folder: {folder.path / name} may not be written by this user   try: sudo install" in said
    status, said = folder.run("doctor")
    assert FINDING == status
    assert f"{folder.path / name} may not be written by this user" in said


def test_a_folder_above_that_may_not_be_looked_into(folder):
    folder.made("srv", 0o000)
    folder.configure(state="srv/state", run="srv/run")
    for command, expected in (("run", ERROR), ("doctor", FINDING)):
        status, said = folder.run(command)
        assert expected == status
        assert f"{folder.path / 'srv'} may not be written by this user" in said


@pytest.mark.parametrize("name", ["plc1.policy.toml", "plc1.points.csv"])
def test_a_file_of_the_configuration_that_may_not_be_read(folder, name):
    (folder.path / name).chmod(0)
    for command, expected in ((["run"], ERROR), (["config", "check"], FINDING), (["policy", "check"], FINDING)):
        status, said = folder.run(*command)
        assert expected == status
        assert f"{name}: this user may not read it (chmod or chown {folder.path / name})" in said
        assert 1 == sum(": " in line and str(folder.path) in line for line in said.splitlines()), (
            "one line for one cause"
        )


def test_a_configuration_that_may_not_be_read(folder):
    (folder.path / "icsguard.toml").chmod(0)
    for command in (["run"], ["status"], ["doctor"], ["config", "check"]):
        status, said = folder.run(*command)
        assert PERMISSION == status
        assert "may not be read by this user" in said
        assert "ls -l" in said


def test_a_low_port(folder):
    folder.configure(port=502)
    status, said = folder.run("run")
    assert ERROR == status
    assert "may not open ports below 1024" in said
    assert "systemctl start icsguard.target, or sudo sysctl net.ipv4.ip_unprivileged_port_start=502" in said


def test_a_control_socket_that_may_not_be_opened(running):
    with forbidden(running.path / "run" / "control.sock"):
        status, said = running.run("status")
    assert PERMISSION == status
    assert "become a member of the group icsguard, or use sudo" in said


def test_records_that_may_not_be_written_are_a_warning_and_the_traffic_goes_on(running, connect):
    running.until_said("WARNING records do not reach the disk, try icsguard doctor", "status")
    with connect(running.port) as client:
        assert REFUSED == client.ask(FORBIDDEN)
    assert f"{running.path / 'state' / 'records'} may not be written by this user" in running.run("doctor")[1]


def test_a_model_that_may_not_be_read_is_not_used_and_said(running):
    assert "icsguard learn plc1" in running.until_said("the model of plc1 is not used", "records")


def test_a_running_gateway_keeps_its_policy_when_the_file_may_no_longer_be_read(running, connect):
    with forbidden(running.path / "plc1.policy.toml"):
        status, said = running.run("policy", "apply", "-r", "test", "--yes")
        assert status in {ERROR, FINDING}
        assert "this user may not read it" in said
        with connect(running.port) as client:
            assert REFUSED == client.ask(FORBIDDEN)
