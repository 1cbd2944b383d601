import json
from math import inf

import pytest

from icsguard.cli.exits import ExitCode
from icsguard.cli.limits import described, row
from icsguard.config.settings import Conduit
from icsguard.detect.limits import Limit
from icsguard.lab.cell import points_csv
from icsguard.lab.offline import OfflineCell, cell_points
from icsguard.policy.rules import Policy

pytest.importorskip("onnx")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder with a configuration and the cell's points, and nothing learnt."""
    (tmp_path / "icsguard.toml").write_text(
        '[gateway]\nstate = "state"\nrun = "run"\n[shadow]\nhorizon_s = 12.0\n[conduit.plc1]\n'
        'listen = "127.0.0.1:1502"\ndevice = "127.0.0.1:502"\nmode = "learn"\npoints = "plc1.points.csv"\n'
    )
    (tmp_path / "plc1.points.csv").write_text(points_csv())
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def learnt(site):
    from icsguard.learn.export import export, site_key
    from icsguard.learn.fit import fit

    conduit = Conduit("plc1", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=cell_points()))
    fitted = fit(OfflineCell(1, conduit="plc1").run(40), conduit, horizon_s=12)
    export(fitted, site / "state" / "models" / "plc1", site_key(site / "state"))
    return site


def test_every_measured_point_has_its_limits(learnt, icsguard):
    ended = icsguard("twin", "limits", "plc1")
    assert 0 == ended.code
    assert "SUDDEN" in ended.out
    assert "level_1" in ended.out
    assert "false alarms a day" in ended.out


def test_limits_as_json_are_in_engineering_units(learnt, icsguard):
    told = json.loads(icsguard("twin", "limits", "plc1", "--json").out)
    (level,) = [one for one in told["points"] if one["name"] == "level_1"]
    assert level["span"] > 0
    assert level["sudden"] is None or level["sudden"] > 0


def test_without_a_model_the_next_step_is_told(site, icsguard):
    ended = icsguard("twin", "limits", "plc1")
    assert ExitCode.ERROR == ended.code
    assert "icsguard learn plc1" in ended.err


def test_what_is_never_noticed_has_no_number():
    one = Limit("a", inf, 2.0, 10.0, 0)
    assert ["a", "any", "-", "2 m", "20.0%", "never"] == row(one, "m")
    assert {"name": "a", "sudden": None, "creeping": 2.0, "span": 10.0, "frozen_after": 0} == described(one)
