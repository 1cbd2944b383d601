import dataclasses
import os
import socket

import pytest

from icsguard.config.settings import Conduit, GatewaySettings, RecorderSettings, Settings, SyslogSettings, UaSettings
from icsguard.runtime import doctor, pki_store, pki_work
from icsguard.runtime.clock import Clock
from icsguard.runtime.doctor import (
    Level,
    certificate_checks,
    clock_check,
    descriptor_check,
    device_check,
    disk_check,
    examine,
    file_check,
    folder_check,
    listen_check,
    model_check,
    nearest,
    syslog_check,
)
from icsguard.runtime.pki_make import Subject


@pytest.fixture
def device():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


@pytest.fixture
def conduit(device, free_port):
    return Conduit("plc1", "127.0.0.1", free_port, "127.0.0.1", device.getsockname()[1], connect_timeout_ms=500)


def test_a_healthy_machine_has_no_failure_and_every_warning_has_a_command(conduit, tmp_path):
    gateway = GatewaySettings(
        state_dir=str(tmp_path / "state"), run_dir=str(tmp_path), control_socket=str(tmp_path / "control.sock")
    )
    recorder = RecorderSettings(path=str(tmp_path / "records.jsonl"))
    config = tmp_path / "icsguard.toml"
    config.write_text("")
    checks = list(examine(Settings(gateway, (conduit,), recorder), config))
    assert [] == [check for check in checks if check.level is Level.FAIL]
    assert all(check.fix for check in checks if check.level is Level.WARN)
    assert {"gateway", "plc1 listen", "plc1 device", "plc1 twin", "disk", "clock"} <= {check.name for check in checks}


def test_a_free_port_is_fine(conduit):
    assert Level.OK is listen_check(conduit, running=None).level


def test_a_port_in_use_names_its_owner(conduit, device):
    taken = dataclasses.replace(conduit, listen_port=device.getsockname()[1])
    check = listen_check(taken, running=None)
    assert Level.FAIL is check.level
    assert str(os.getpid()) in check.text


def test_the_running_gateways_own_port_is_fine(conduit, device):
    ours = dataclasses.replace(conduit, listen_port=device.getsockname()[1])
    assert Level.OK is listen_check(ours, running=os.getpid()).level
    assert Level.FAIL is listen_check(ours, running=os.getpid() + 1).level


def test_a_port_whose_owner_cannot_be_seen_is_the_running_gateways(conduit, device, monkeypatch):
    monkeypatch.setattr(doctor, "owner_of", lambda _: doctor.SOMEBODY)
    assert [Level.OK, Level.FAIL] == [listen_check(conduit, running=pid).level for pid in (1, None)]


def test_a_device_of_a_running_gateway_is_left_alone(conduit, device, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "peer_pid", lambda _: 12)
    monkeypatch.setattr(doctor, "device_check", lambda _: pytest.fail("it was connected to"))
    config = tmp_path / "icsguard.toml"
    config.write_text("")
    gateway = GatewaySettings(state_dir=str(tmp_path), run_dir=str(tmp_path))
    checks = list(examine(Settings(gateway, (conduit,), RecorderSettings(path=str(tmp_path / "r"))), config))
    assert "left to the running gateway" in next(check.text for check in checks if check.name == "plc1 device")


def test_a_low_port_without_the_right_names_two_ways_out(conduit, monkeypatch):
    monkeypatch.setattr(doctor, "may_bind_low", lambda: False)
    monkeypatch.setattr(doctor, "unprivileged_start", lambda: 65536)
    check = listen_check(conduit, running=None)
    assert Level.FAIL is check.level
    assert "systemctl" in check.fix
    assert "sysctl" in check.fix


def test_an_address_that_is_not_ours_cannot_be_opened(conduit):
    check = listen_check(dataclasses.replace(conduit, listen_host="192.0.2.1"), running=None)
    assert (Level.FAIL, "ip address show") == (check.level, check.fix)


def test_a_device_that_accepts_is_fine_and_gets_no_byte(conduit, device):
    assert Level.OK is device_check(conduit).level
    channel, _ = device.accept()
    assert b"" == channel.recv(100)
    channel.close()


def test_a_device_that_refuses_is_a_failure(conduit, device):
    device.close()
    check = device_check(conduit)
    assert (Level.FAIL, True) == (check.level, "refused" in check.text)


def test_a_device_that_is_silent_is_a_failure_within_its_timeout(conduit, monkeypatch):
    def silent(_address, _seconds):
        raise TimeoutError

    monkeypatch.setattr(doctor.socket, "create_connection", silent)
    assert "within 0.5 s" in device_check(conduit).text


def test_a_conduit_without_a_twin_is_a_warning(conduit, tmp_path):
    assert (Level.WARN, "icsguard learn plc1") == (
        model_check(conduit, tmp_path).level,
        model_check(conduit, tmp_path).fix,
    )
    (tmp_path / "plc1").mkdir()
    (tmp_path / "plc1" / "twin.onnx").write_text("")
    assert Level.OK is model_check(conduit, tmp_path).level


def test_a_file_that_everybody_may_write_is_a_failure(tmp_path):
    file = tmp_path / "icsguard.toml"
    file.write_text("")
    file.chmod(0o644)
    assert Level.OK is file_check(file).level
    file.chmod(0o646)
    assert Level.FAIL is file_check(file).level


def test_a_folder_that_will_be_made_is_fine(tmp_path):
    assert "will be made" in folder_check("state", tmp_path / "a" / "b").text


def test_a_folder_that_everybody_may_write_is_a_failure(tmp_path):
    tmp_path.chmod(0o777)
    assert Level.FAIL is folder_check("state", tmp_path).level


def test_a_folder_that_may_not_be_written_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor.os, "access", lambda *_: False)
    check = folder_check("state", tmp_path)
    assert Level.FAIL is check.level
    assert "install -d" in check.fix


def test_a_folder_that_may_not_be_looked_into_is_itself_what_is_wrong(tmp_path, monkeypatch):
    def exists(path):
        if path.name == "records":
            raise PermissionError(13, "Permission denied")
        return True

    monkeypatch.setattr("pathlib.Path.exists", exists)
    assert tmp_path / "state" == nearest(tmp_path / "state" / "records")


def test_a_file_in_place_of_a_folder_is_a_failure(tmp_path):
    (tmp_path / "state").write_text("")
    assert "no folder" in folder_check("state", tmp_path / "state").text


@pytest.mark.parametrize(("free", "level"), [(10**12, Level.OK), (10**9, Level.WARN), (10**7, Level.FAIL)])
def test_free_space_is_compared_with_what_records_may_take(tmp_path, monkeypatch, free, level):
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free}))
    recorder = RecorderSettings(path=str(tmp_path / "records" / "records.jsonl"))
    assert level is disk_check(recorder, GatewaySettings(state_dir=str(tmp_path))).level


def test_too_few_open_files_name_the_limit_to_set(conduit):
    check = descriptor_check([dataclasses.replace(conduit, max_clients=10_000_000)])
    assert (Level.FAIL, "ulimit -n 20000064") == (check.level, check.fix)
    assert Level.OK is descriptor_check([conduit]).level


@pytest.mark.parametrize(("flags", "level"), [(0x2001, Level.OK), (0x0040, Level.WARN), (None, Level.WARN)])
def test_the_clocks_state_is_the_kernels_word(flags, level):
    assert level is clock_check(lambda: flags).level


def test_the_kernel_is_really_asked():
    assert clock_check().name == "clock"


def test_a_log_server_that_is_away_is_a_warning(device):
    syslog = SyslogSettings("127.0.0.1", device.getsockname()[1])
    assert Level.OK is syslog_check(syslog).level
    device.close()
    assert Level.WARN is syslog_check(syslog).level


def test_certificates_of_a_conduit_are_looked_at(tmp_path):
    wall = Clock().now()
    settings = UaSettings(pki=str(tmp_path), client_security=(("x", 3),))
    pki_store.prepare(tmp_path)
    (missing,) = certificate_checks("mixer", settings, Clock())
    assert (Level.FAIL, True) == (missing.level, "icsguard pki issue gateway" in missing.fix)
    pki_work.give(tmp_path, "gateway", Subject("gateway", "urn:gate", ("gate",)), wall, days=20)
    (tmp_path / "trusted" / "broken.der").write_bytes(b"nothing")
    found = list(certificate_checks("mixer", settings, Clock()))
    assert [Level.OK, Level.WARN, Level.WARN] == [one.level for one in found]
    assert ["urn:gate", "certificate 1", "ends in 19 days"] == [
        word
        for word, one in zip(("urn:gate", "certificate 1", "ends in 19 days"), found, strict=True)
        if word in one.text
    ]


def test_a_conduit_without_security_needs_no_certificates(tmp_path):
    none = ("http://opcfoundation.org/UA/SecurityPolicy#None", 1)
    settings = UaSettings(pki=str(tmp_path), client_security=(none,), server_security=none)
    assert [] == list(certificate_checks("mixer", settings, Clock()))
