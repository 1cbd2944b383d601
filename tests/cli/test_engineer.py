"""An engineer's unit is tried, signed and put in place, or refused with one sentence."""

from types import SimpleNamespace

import pytest

from icsguard.control.requests import NoteModel
from icsguard.inference.api import ModelRefusedError

pytest.importorskip("onnx")


@pytest.fixture
def site(tmp_path, monkeypatch):
    (tmp_path / "icsguard.toml").write_text(
        '[gateway]\nstate = "state"\nrun = "run"\n[conduit.plc1]\nlisten = "127.0.0.1:1502"\n'
        'device = "127.0.0.1:502"\nmode = "learn"\n'
    )
    (tmp_path / "plant.fmu").write_bytes(b"unit")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ICSGUARD_CONFIG", raising=False)
    return tmp_path


@pytest.fixture
def loads(monkeypatch):
    """Let units load as told; the loading of real ones is tested where they are loaded."""

    def told(answer):
        def load(data):
            assert data == b"unit"
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr("icsguard.runtime.fmu_unit.FmuUnit", load)

    told(SimpleNamespace(inputs=("pump",), outputs=("level",), close=lambda: None))
    return told


def test_a_unit_is_signed_put_in_place_and_recorded(icsguard, site, loads, gateway):
    ended = icsguard("twin", "engineer", "plc1", "plant.fmu", "-r", "model of the supplier", "--yes")
    assert 0 == ended.code, ended.err
    assert "it is told pump" in ended.out
    from icsguard.runtime.fmu_unit import checked

    folder = site / "state" / "models" / "plc1"
    assert b"unit" == checked(folder / "plant.fmu", site / "state" / "keys" / "site.pub")
    assert isinstance(gateway.asked[-1], NoteModel)


def test_what_runs_in_the_shadow_is_confirmed(icsguard, site, loads, no_gateway, typing):
    typing("no")
    assert 1 == icsguard("twin", "engineer", "plc1", "plant.fmu", "-r", "x").code
    assert not (site / "state").exists()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (ModelRefusedError("fmu-state", "the unit cannot go back"), "cannot go back"),
        (ModuleNotFoundError("no fmpy", name="fmpy"), "icsguard[fmi]"),
    ],
)
def test_a_unit_that_is_none_is_one_line(icsguard, site, loads, no_gateway, answer, expected):
    loads(answer)
    ended = icsguard("twin", "engineer", "plc1", "plant.fmu", "-r", "x", "--yes")
    assert (1, True) == (ended.code, expected in ended.err)
    assert not (site / "state" / "models").exists()


def test_a_missing_file_is_one_line(icsguard, site, loads, no_gateway):
    ended = icsguard("twin", "engineer", "plc1", "other.fmu", "-r", "x", "--yes")
    assert (1, True) == (ended.code, "No such file" in ended.err)
