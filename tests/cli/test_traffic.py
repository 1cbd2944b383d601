import dataclasses
from pathlib import Path

import pytest

from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.traffic import JOURNAL_MAGIC, is_journal, journal_of, read, understood, waited
from icsguard.config.settings import Conduit, GatewaySettings, Settings, ShadowSettings
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


def test_what_has_not_waited_does_not_teach_and_nothing_at_all_is_an_error(
    settings, conduit, tmp_path, capture, conversation, capsys
):
    seen = read(settings, conduit, capture(tmp_path / "a.pcap", *conversation(HMI, DEVICE)), "", [502])
    assert seen.transactions == waited(seen, "7d", ()).transactions  # the capture is of 2023
    alarmed = dataclasses.replace(seen, alarms=((seen.transactions[0].request_at, "r1"),))
    with pytest.raises(CliError, match="no traffic is left"):
        waited(alarmed, "7d", ())
    assert "1 lie in or beside hours with an open alarm" in capsys.readouterr().err
    assert seen.transactions == waited(alarmed, "0", ["r1"]).transactions


def test_forgotten_spans_are_left_out_and_counted(settings, conduit, tmp_path, capture, conversation):
    from icsguard.learn.unlearn import forget

    file = capture(tmp_path / "a.pcap", *conversation(HMI, DEVICE))
    at = read(settings, conduit, file, "", [502]).transactions[0].request_at
    mine = dataclasses.replace(settings, shadow=ShadowSettings(models_dir=str(tmp_path / "models")))
    forget(tmp_path / "models" / "plc1", (at, at + 1), "test")
    seen = read(mine, conduit, file, "", [502])
    assert ((), 1) == (seen.transactions, seen.counts["forgotten"])
