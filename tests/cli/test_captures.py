import pytest

from icsguard.cli.captures import checked_capture, device_in, endpoint_of
from icsguard.cli.exits import CliError, ExitCode

pytest.importorskip("scapy")


def test_the_device_of_a_capture_is_found(tmp_path, capture, conversation):
    file = capture(tmp_path / "a.pcap", *conversation(("10.0.0.21", 50000), ("10.1.0.5", 502)))
    assert "10.1.0.5:502" == device_in(file, (502,))


def test_several_devices_are_named(tmp_path, capture, conversation):
    first = conversation(("10.0.0.21", 50000), ("10.1.0.5", 502))
    second = conversation(("10.0.0.21", 50001), ("10.1.0.6", 502))
    with pytest.raises(CliError, match=r"10\.1\.0\.5:502.*10\.1\.0\.6:502"):
        device_in(capture(tmp_path / "a.pcap", *first, *second), (502,))


def test_another_port_must_be_named(tmp_path, capture, conversation):
    file = capture(tmp_path / "a.pcap", *conversation(("10.0.0.21", 50000), ("10.1.0.5", 1502)))
    assert "10.1.0.5:1502" == device_in(file, (1502,))


def test_init_takes_the_device_from_a_capture(icsguard, tmp_path, monkeypatch, capture, conversation):
    monkeypatch.chdir(tmp_path)
    file = capture(tmp_path / "a.pcap", *conversation(("10.0.0.21", 50000), ("10.1.0.5", 502)))
    assert 'device = "10.1.0.5:502"' in icsguard("init", "--pcap", file, "--yes").out


@pytest.mark.parametrize("content", [b"", b"not a capture", b"\xd4\xc3\xb2\xa1"])
def test_what_is_no_capture_is_one_line(tmp_path, content):
    (tmp_path / "a.pcap").write_bytes(content)
    with pytest.raises(CliError, match=r"a\.pcap"):
        device_in(tmp_path / "a.pcap", (502,))


def test_a_missing_capture_is_one_line(tmp_path):
    with pytest.raises(CliError, match="there is no file"):
        checked_capture(tmp_path / "none.pcap")


@pytest.mark.parametrize(
    ("text", "expected"), [("", None), ("10.0.0.1:502", ("10.0.0.1", 502)), ("[fd00::1]:5", ("fd00::1", 5))]
)
def test_a_device_is_named_by_host_and_port(text, expected):
    assert expected == endpoint_of(text)


@pytest.mark.parametrize("text", ["10.0.0.1", ":502", "x:y"])
def test_anything_else_is_a_usage_error(text):
    with pytest.raises(CliError) as error:
        endpoint_of(text)
    assert ExitCode.USAGE is error.value.code
