import json
import socket

import pytest


@pytest.fixture
def config(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as device, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        path = tmp_path / "icsguard.toml"
        path.write_text(
            f'[gateway]\nstate = "state"\nrun = "run"\n[conduit.plc1]\nlisten = "127.0.0.1:{port}"\n'
            f'device = "127.0.0.1:{device.getsockname()[1]}"\n'
        )
        yield path


def test_a_healthy_machine_ends_with_zero(icsguard, config):
    ended = icsguard("doctor", "-c", config)
    assert 0 == ended.code
    assert "ok    plc1 device" in ended.out
    assert "fail" not in ended.out


def test_a_failure_ends_with_four_and_names_the_command(icsguard, config):
    text = config.read_text()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = text.split("listen = ")[1].split("\n")[0]
        config.write_text(text.replace(listen, f'"127.0.0.1:{taken.getsockname()[1]}"'))
        ended = icsguard("doctor", "-c", config)
    assert 4 == ended.code
    assert "try: ss -ltnp" in ended.out


def test_json_has_every_check(icsguard, config):
    checks = json.loads(icsguard("doctor", "-c", config, "--json").out)
    assert {"level", "name", "text", "fix"} == set(checks[0])
    assert {"ok", "warn", "fail"} >= {check["level"] for check in checks}


def test_a_broken_configuration_comes_first(icsguard, config):
    config.write_text("[conduit.plc1]\n")
    ended = icsguard("doctor", "-c", config)
    assert 1 == ended.code
    assert f"{config}" in ended.err
