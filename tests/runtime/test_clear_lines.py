"""What goes wrong on a first day, with the real processes: each time one clear line that says what to type next."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

POINTS = "name,unit_id,table,address,scale,unit,min,max\npump_speed,1,holding,12,1,rpm,0,80\n"
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "hmi-reads"
clients = ["hmi"]
units = [1]
functions = [3]
ranges = ["holding 0..39"]
[[rule]]
id = "hmi-sets-speed"
clients = ["hmi"]
units = [1]
functions = [6]
points = ["pump_speed"]
"""
READ = bytes.fromhex("00010000000601030000000a")
SLOW_ENOUGH = bytes.fromhex("0002000000060106000c0010")
TOO_FAST = bytes.fromhex("0002000000060106000c2328")
UNREACHABLE, BUSY, ILLEGAL_VALUE = 0x0A, 0x06, 0x03
START_S = 20


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Site:
    """A folder with a configuration, and the commands run in it."""

    def __init__(self, folder):
        self.folder = folder
        self.port, self.device = free_port(), free_port()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("ICSGUARD_")}
        self.write("plc1.policy.toml", POLICY)
        self.write("plc1.points.csv", POINTS)
        self.write(
            "icsguard.toml",
            f'[gateway]\nstate = "state"\nrun = "run"\n[conduit.plc1]\nlisten = "127.0.0.1:{self.port}"\n'
            f'device = "127.0.0.1:{self.device}"\nmode = "enforce"\n'
            'policy = "plc1.policy.toml"\npoints = "plc1.points.csv"\n',
        )

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def command(self, *arguments):
        return [sys.executable, "-m", "icsguard", *arguments]

    def run(self, *arguments):
        """Run a command to its end; no user ever sees a traceback."""
        done = subprocess.run(
            self.command(*arguments), cwd=self.folder, env=self.environment, capture_output=True, text=True,
            timeout=START_S, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done

    def start(self):
        return subprocess.Popen(
            self.command("run"), cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def wait_until_up(self):
        deadline = time.monotonic() + START_S
        while self.run("status").returncode != 0:
            assert time.monotonic() < deadline, "it did not come up in time"

    def exchange(self, request):
        with socket.create_connection(("127.0.0.1", self.port), 5) as channel:
            channel.sendall(request)
            return channel.recv(300)


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A site that is guarded by the real thing, with a model that is none."""
    made = Site(tmp_path_factory.mktemp("site"))
    models = made.folder / "state" / "models" / "plc1"
    models.mkdir(parents=True)
    (models / "manifest.json").write_text("garbage")
    process = made.start()
    try:
        made.wait_until_up()
        yield made
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=START_S)
    assert 0 == process.returncode, "a drained stop is a success"


def refused_start(site, *expected):
    done = site.run("run")
    assert 1 == done.returncode
    for text in expected:
        assert text in done.stderr


def test_a_bad_configuration_is_named_with_file_and_line(site):
    site.write("icsguard.toml", (site.folder / "icsguard.toml").read_text().replace("enforce", "enforced"))
    refused_start(site, "icsguard.toml:7:", "enforced", "icsguard config check")


def test_broken_toml_is_named_with_file_and_line(site):
    site.write("icsguard.toml", "[gateway\n")
    refused_start(site, "icsguard.toml:1:", "icsguard config check")


def test_a_missing_configuration_names_init(site):
    (site.folder / "icsguard.toml").unlink()
    refused_start(site, "there is no configuration", "icsguard init")


def test_a_bad_policy_is_named_with_file_and_line(site):
    site.write("plc1.policy.toml", POLICY.replace("functions = [6]", "functions = [600]"))
    refused_start(site, "plc1.policy.toml:13:", "600")


def test_a_bad_point_list_is_named_with_file_and_line(site):
    site.write("plc1.points.csv", POINTS.replace("0,80", "0,lots"))
    refused_start(site, "plc1.points.csv:2:", "lots")


def test_a_port_in_use_is_named_with_what_to_type(site):
    with socket.create_server(("127.0.0.1", site.port)):
        refused_start(site, str(site.port), "in use", "icsguard doctor")


def test_an_address_of_another_machine_is_named(site):
    text = (site.folder / "icsguard.toml").read_text()
    site.write("icsguard.toml", text.replace(f"127.0.0.1:{site.port}", f"192.0.2.1:{site.port}"))
    refused_start(site, "192.0.2.1", "icsguard doctor")


def test_a_state_folder_that_is_none_is_named(site):
    site.write("state", "a file")
    refused_start(site, "state", "icsguard doctor")


def test_not_running_is_said(site):
    done = site.run("status")
    assert 3 == done.returncode
    assert "icsguard run" in done.stderr


def test_a_second_start_names_the_first(running):
    done = running.run("run")
    assert 1 == done.returncode
    assert "another icsguard (process " in done.stderr


def test_a_bad_model_is_refused_and_named_with_what_to_type(running):
    def said():
        return running.run("records").stdout

    deadline = time.monotonic() + START_S
    while "the model of plc1 is not used" not in said():
        assert time.monotonic() < deadline, said()
        time.sleep(0.2)
    assert "icsguard learn plc1" in said()
    assert 0 == running.run("points").returncode  # the shadow itself is well


def test_an_unreachable_device_is_an_answer_to_the_client_and_a_line_for_the_operator(running):
    assert bytes([0x83, UNREACHABLE]) == running.exchange(READ)[-2:]
    assert "cannot be reached" in running.run("records").stdout
    assert "DOWN" in running.run("status").stdout


def test_a_refusal_is_explained_from_the_command_line(running):
    assert bytes([0x86, ILLEGAL_VALUE]) == running.exchange(TOO_FAST)[-2:]
    told = running.run("explain").stdout
    for expected in (
        "holding register 12 (40013) = 9000",
        "80",
        "The device never saw the request",
        "icsguard isolate",
    ):
        assert expected in told


def test_a_running_gateway_keeps_its_last_good_policy(running):
    before = (running.folder / "plc1.policy.toml").read_text()
    try:
        running.write("plc1.policy.toml", before.replace("functions = [6]", "functions = [600]"))
        done = running.run("policy", "apply", "-r", "test", "--yes")
        assert 1 == done.returncode
        assert "plc1.policy.toml:13:" in done.stderr
        assert bytes([0x86, ILLEGAL_VALUE]) == running.exchange(TOO_FAST)[-2:]
    finally:
        running.write("plc1.policy.toml", before)
    assert 0 == running.run("policy", "apply", "-r", "test", "--yes").returncode


def test_an_isolation_holds_until_it_is_released(running):
    assert 0 == running.run("isolate", "127.0.0.1", "-r", "test", "--for", "1m", "--writes-only", "--yes").returncode
    assert "may only read" in running.run("status").stdout
    assert bytes([0x86, BUSY]) == running.exchange(SLOW_ENOUGH)[-2:]
    assert 0 == running.run("release", "127.0.0.1", "-r", "test", "--yes").returncode
    assert bytes([0x86, UNREACHABLE]) == running.exchange(SLOW_ENOUGH)[-2:]


def test_an_unknown_conduit_and_an_unknown_record_are_named(running):
    assert 2 == running.run("mode", "plc9").returncode
    done = running.run("explain", "nothing-here")
    assert 1 == done.returncode
    assert "icsguard records" in done.stderr
