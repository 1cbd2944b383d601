"""An engineer's model is found by its file or its entry point, and refused with one sentence."""

from types import SimpleNamespace

import pytest

from icsguard.inference.api import ModelRefusedError
from icsguard.runtime import engineering
from icsguard.runtime.engineering import FMU, engineering_twin
from icsguard.twin.custom import CustomTwin

MODEL = SimpleNamespace(
    conduit="plc1", columns=(SimpleNamespace(name="level"), SimpleNamespace(name="pump")), step_ns=1_000_000_000
)


class Still:
    """Everything stays."""

    def observe(self, values):
        self.values = values

    def predict(self, commands, steps):
        return [self.values] * steps


@pytest.fixture
def installed(monkeypatch):
    """Let a distribution declare a twin under a conduit's name."""

    def install(name, load):
        def found(*, group, name):
            return [SimpleNamespace(load=load)] if (group, name) == ("icsguard.twins", wanted) else []

        wanted = name
        monkeypatch.setattr(engineering, "entry_points", found)

    return install


def test_without_file_and_entry_point_there_is_none(tmp_path):
    assert engineering_twin(tmp_path, tmp_path / "site.pub", MODEL) is None


def test_an_entry_point_with_the_conduits_name_is_taken(tmp_path, installed):
    installed("plc1", lambda: Still)
    twin = engineering_twin(tmp_path, tmp_path / "site.pub", MODEL)
    assert isinstance(twin, CustomTwin)
    assert ("level", "pump") == twin.names
    installed("plc2", lambda: Still)
    assert engineering_twin(tmp_path, tmp_path / "site.pub", MODEL) is None


def test_somebody_elses_bug_is_one_sentence(tmp_path, installed):
    installed("plc1", lambda: 1 / 0)
    with pytest.raises(ModelRefusedError, match="cannot be used: division by zero"):
        engineering_twin(tmp_path, tmp_path / "site.pub", MODEL)


def test_a_unit_without_a_signature_is_refused(tmp_path):
    (tmp_path / FMU).write_bytes(b"PK")
    with pytest.raises(ModelRefusedError, match=r"plant\.fmu\.sig"):
        engineering_twin(tmp_path, tmp_path / "site.pub", MODEL)


def test_a_missing_extra_names_the_command_that_installs_it(tmp_path, installed):
    def load():
        raise ModuleNotFoundError(name="fmpy")

    installed("plc1", load)
    with pytest.raises(ModelRefusedError, match=r"icsguard\[fmi\]"):
        engineering_twin(tmp_path, tmp_path / "site.pub", MODEL)
