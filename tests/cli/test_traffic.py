from pathlib import Path

import pytest

from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.traffic import JOURNAL_MAGIC, is_journal, journal_of, read, understood
from icsguard.config.settings import Conduit, GatewaySettings, Settings
from icsguard.runtime.journal import MAGIC

pytest.importorskip("scapy")
HMI, DEVICE = ("10.0.0.21", 50000), ("10.1.0.5", 502)


@pytest.fixture
def conduit():
    return Conduit("plc1", "127.0.0.1", 1502, *DEVICE)


@pytest.fixture
def settings(conduit, tmp_path):
    return Settings(GatewaySettings(state_dir=str(tmp_path)), (conduit,))


def test_a_journal_is_told_from_a_capture_by_its_first_bytes(tmp_path, capture, conversation):
    assert MAGIC.startswith(JOURNAL_MAGIC)
    (tmp_path / "a").write_bytes(MAGIC)
    assert is_journal(tmp_path / "a")
    assert not is_journal(capture(tmp_path / "b", *conversation(HMI, DEVICE)))


def test_only_the_conduits_device_of_a_capture_is_read(settings, conduit, tmp_path, capture, conversation):
    packets = [*conversation(HMI, DEVICE), *conversation(("10.0.0.22", 5), ("10.1.0.6", 502))]
    file = capture(tmp_path / "a.pcap", *packets)
    assert {HMI[0]} == {one.client for one in read(settings, conduit, file, "", [502]).transactions}
    assert {"10.0.0.22"} == {one.client for one in read(settings, conduit, file, "10.1.0.6:502", [502]).transactions}


def test_the_only_device_of_a_capture_is_taken_whatever_its_address(settings, conduit, tmp_path, capture, conversation):
    file = capture(tmp_path / "a.pcap", *conversation(HMI, ("192.0.2.7", 502)))
    assert 1 == len(read(settings, conduit, file, "", [502]).transactions)


def test_a_journal_that_may_not_be_read_is_a_matter_of_permission(settings, conduit, monkeypatch):
    def deny(*_args, **_options):
        raise PermissionError

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(CliError) as error:
        journal_of(settings, conduit)
    assert ExitCode.PERMISSION is error.value.code


def test_a_failing_disk_is_one_line():
    with pytest.raises(CliError, match="cannot be read"), understood(Path("x")):
        raise OSError(5, "Input/output error", "x")
