import socket

import pytest

from icsguard.config.load import load
from icsguard.config.settings import Settings
from icsguard.control.requests import GetStatus
from icsguard.core.decision import Mode
from icsguard.lab.attacks.scene import HMI
from icsguard.lab.cell import ROWS
from icsguard.lab.guarding import CONDUIT, HORIZON_S, GuardError, Guarding, free_port


@pytest.fixture
def guarding(tmp_path):
    return Guarding(tmp_path, device_port=1502)


def files_of(guarding):
    return {path.name: path.read_text() for path in guarding.folder.iterdir() if path.is_file()}


def test_the_configuration_of_the_demo_is_about_a_dozen_lines_and_loads(guarding):
    settings = load(files_of(guarding), "icsguard.toml")
    assert isinstance(settings, Settings), settings
    conduit = settings.conduit(CONDUIT)
    assert (conduit.listen_port, conduit.device_port, conduit.mode) == (guarding.port, 1502, Mode.LEARN)
    assert len(conduit.policy.points) == len(ROWS)
    assert conduit.isolation.never == (HMI, "127.0.0.4")
    assert settings.shadow.horizon_s == HORIZON_S
    assert len(guarding.config.read_text().splitlines()) <= 16


async def test_asking_nobody_is_one_clear_error(guarding):
    with pytest.raises(GuardError, match="icsguard is not running"):
        await guarding.ask(GetStatus())


async def test_stopping_what_never_started_is_nothing(guarding):
    await guarding.stop()


def test_a_free_port_can_be_had():
    with socket.create_server(("127.0.0.1", free_port())) as server:
        assert server.getsockname()[1] > 0
