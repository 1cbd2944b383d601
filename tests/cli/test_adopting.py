import tomllib

import pytest

from icsguard.cli.adopting import adopt, proposed_files, with_keys
from icsguard.cli.exits import CliError, ExitCode
from icsguard.config.settings import Settings
from icsguard.runtime.files import load_config

POINTS = "name,unit_id,table,address,scale,unit,min,max\npump_speed,1,holding,12,1,rpm,0,80\n"
POLICY = """# evidence stands here
[clients]
hmi = ["10.0.0.21"]
[[rule]]
id = "hmi-sets-speed"
clients = ["hmi"]
units = [1]
functions = [6]
points = ["pump_speed"]
"""
MAIN = """# my plant
[gateway]
state = "state"
run = "run"

[conduit.plc1]
listen = "127.0.0.1:1502"    # the clients' side
device = "10.0.0.1:502"
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "icsguard.toml"
    path.write_text(MAIN)
    return path


@pytest.fixture
def proposal(tmp_path):
    folder = tmp_path / "proposal"
    folder.mkdir()
    (folder / "plc1.policy.toml").write_text(POLICY)
    (folder / "plc1.points.csv").write_text(POINTS)
    return folder


def test_a_proposal_is_in_place_and_named_by_the_configuration(config, proposal):
    adopted = adopt("plc1", proposal, config)
    settings = load_config(config)
    assert isinstance(settings, Settings)
    assert (1, 1) == (len(settings.conduits[0].policy.rules), len(settings.conduits[0].policy.points))
    assert {"icsguard.toml", "plc1.policy.toml", "plc1.points.csv"} == {
        name.rpartition("/")[2] for name in adopted.written
    }
    assert POLICY == (config.parent / "plc1.policy.toml").read_text()


def test_comments_of_the_configuration_stay(config, proposal):
    adopt("plc1", proposal, config)
    text = config.read_text()
    assert text.startswith(MAIN.rstrip("\n"))
    assert "plc1.policy.toml" == tomllib.loads(text)["conduit"]["plc1"]["policy"]


def test_files_that_the_configuration_names_already_are_replaced_and_kept_beside(config, proposal):
    config.write_text(MAIN + 'policy = "mine.toml"\npoints = "mine.csv"\n')
    (config.parent / "mine.toml").write_text("# before\n")
    (config.parent / "mine.csv").write_text(POINTS)
    before = config.read_text()
    adopted = adopt("plc1", proposal, config)
    assert (POLICY, before) == ((config.parent / "mine.toml").read_text(), config.read_text())
    assert "# before\n" == (config.parent / "mine.toml.old").read_text()
    assert {"mine.toml.old", "mine.csv.old"} == {name.rpartition("/")[2] for name in adopted.kept}


def test_a_proposal_with_errors_changes_nothing(config, proposal):
    (proposal / "plc1.points.csv").write_text(POINTS.replace("0,80", "0,lots"))
    with pytest.raises(CliError, match="nothing was changed") as error:
        adopt("plc1", proposal, config)
    assert any("lots" in line for line in error.value.details)
    assert ["icsguard.toml", "proposal"] == sorted(path.name for path in config.parent.iterdir())
    assert MAIN == config.read_text()


def test_without_a_proposal_the_command_that_makes_one_is_named(config, tmp_path):
    with pytest.raises(CliError, match="no proposal") as error:
        adopt("plc1", tmp_path / "none", config)
    assert "icsguard learn plc1" == error.value.hint


def test_another_conduits_proposal_is_none(proposal):
    with pytest.raises(CliError):
        proposed_files("plc2", proposal)


def test_a_conduit_that_the_configuration_does_not_have_is_named():
    with pytest.raises(CliError, match="no conduit"):
        with_keys(MAIN, "plc9", {"policy": "x"})
    assert MAIN == with_keys(MAIN, "plc9", {})


def test_no_half_written_file_is_left(config, proposal):
    adopt("plc1", proposal, config)
    assert not list(config.parent.glob("*.new"))


@pytest.mark.parametrize(
    ("error", "code"), [(PermissionError(13, "no"), ExitCode.PERMISSION), (OSError(28, "full"), ExitCode.ERROR)]
)
def test_a_file_that_cannot_be_written_is_one_line(config, proposal, monkeypatch, error, code):
    def fail(*_args, **_options):
        raise error

    monkeypatch.setattr("icsguard.cli.adopting.os.fsync", fail)
    with pytest.raises(CliError) as raised:
        adopt("plc1", proposal, config)
    assert code is raised.value.code
    assert MAIN == config.read_text()
