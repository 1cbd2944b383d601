import os
import socket

import pytest

from icsguard.runtime.ports import may_bind_low, owner_of, unprivileged_start


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def test_the_owner_of_a_port_is_named_with_its_process(listener):
    assert f"(process {os.getpid()})" in owner_of(listener.getsockname()[1])


def test_a_port_on_ipv6_has_an_owner_too():
    with socket.socket(socket.AF_INET6) as opened:
        try:
            opened.bind(("::1", 0))
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        opened.listen()
        assert str(os.getpid()) in owner_of(opened.getsockname()[1])


def test_a_free_port_has_no_owner(listener):
    port = listener.getsockname()[1]
    listener.close()
    assert owner_of(port) is None


def test_a_port_of_somebody_else_is_said_to_be_so(tmp_path):
    (tmp_path / "net").mkdir()
    line = "   0: 0100007F:01F6 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1\n"
    (tmp_path / "net" / "tcp").write_text("header\n" + line)
    assert owner_of(502, tmp_path) == "a process of another user"
    assert owner_of(503, tmp_path) is None


def test_the_first_free_port_for_everybody_is_read_from_the_kernel(tmp_path):
    assert unprivileged_start(tmp_path) == 1024
    (tmp_path / "sys/net/ipv4").mkdir(parents=True)
    (tmp_path / "sys/net/ipv4/ip_unprivileged_port_start").write_text("80\n")
    assert unprivileged_start(tmp_path) == 80


@pytest.mark.parametrize(("effective", "expected"), [("0000000000000400", True), ("0000000000000000", False)])
def test_the_capability_is_read_from_the_kernel(tmp_path, effective, expected):
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_text(f"Name:\tx\nCapEff:\t{effective}\n")
    assert may_bind_low(tmp_path) is expected
