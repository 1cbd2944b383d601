"""A real unit, compiled here: loaded when it is signed, stepped, tried without being changed, and refused otherwise."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from icsguard.inference import signature
from icsguard.inference.api import ModelRefusedError
from icsguard.runtime.fmu_unit import MAX_FMU, checked
from icsguard.twin.api import Move
from icsguard.twin.fmu import FmuTwin
from icsguard.twin.grid import Row

pytestmark = pytest.mark.peer

NAMES = ("level", "pump", "elsewhere")
SECOND = 1_000_000_000
DESCRIPTION = """<?xml version="1.0" encoding="UTF-8"?>
<fmiModelDescription fmiVersion="2.0" modelName="tank" guid="{{t}}">
<CoSimulation modelIdentifier="tank" canHandleVariableCommunicationStepSize="true" canGetAndSetFMUstate="{state}"/>
<ModelVariables>
<ScalarVariable name="pump" valueReference="1" causality="input" variability="continuous"><Real start="0"/>
</ScalarVariable>
<ScalarVariable name="level" valueReference="2" causality="output" variability="continuous" initial="exact">
<Real start="1"/></ScalarVariable>
</ModelVariables>
<ModelStructure><Outputs><Unknown index="2"/></Outputs></ModelStructure>
</fmiModelDescription>
"""


@pytest.fixture(scope="module")
def make_fmu(tmp_path_factory):
    """Return a maker of the tank's unit."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("no C compiler here")
    folder = tmp_path_factory.mktemp("fmu")
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", folder / "tank.so", Path(__file__).parent / "fmu" / "tank.c"],
        check=True,
    )

    def make(state="true", leave_out=""):
        path = folder / "tank.fmu"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("modelDescription.xml", DESCRIPTION.format(state=state))
            if not leave_out:
                archive.write(folder / "tank.so", "binaries/linux64/tank.so")
        return path.read_bytes()

    return make


@pytest.fixture
def load():
    """Return the loader; fmpy is an extra."""
    pytest.importorskip("fmpy")
    from icsguard.runtime.fmu_unit import FmuUnit

    made = []

    def loaded(data):
        made.append(FmuUnit(data))
        return made[-1]

    yield loaded
    for one in made:
        one.close()


@pytest.fixture
def twin(load, make_fmu):
    made = FmuTwin(NAMES, load(make_fmu()), SECOND)
    for number, level in enumerate((2.0, 2.06, 2.12)):
        made.observe(Row(number * SECOND, (level, 10.0, 7.0), bool(number)))
    return made


def test_the_unit_starts_where_the_plant_is_and_steps_with_it(load, make_fmu):
    unit = load(make_fmu())
    assert (("pump",), ("level",)) == (unit.inputs, unit.outputs)
    unit.reset({"level": 2.0, "pump": 0.0})
    assert unit.step({"pump": 0.0}, 1.0)["level"] == pytest.approx(2.0 * 2.718281828 ** (-1 / 50), rel=1e-4)


def test_a_forecast_runs_to_where_the_plant_will_settle_and_changes_nothing(twin):
    far = twin.predict([Move(1, 8.0)], 600).mean
    assert far[-1, 0] == pytest.approx(4.0, abs=0.1)
    assert [8.0] * 600 == far[:, 1].tolist()
    assert [7.0] * 600 == far[:, 2].tolist()
    first, again = (twin.predict([], 5).mean.tolist() for _ in range(2))
    assert first == again


def test_what_the_unit_misses_is_carried_on(load, make_fmu):
    twin = FmuTwin(NAMES, load(make_fmu()), SECOND)
    for number in range(3):
        twin.observe(Row(number * SECOND, (2.0 + (0.5 if number else 0.0), 4.0, 7.0), bool(number)))
    assert 2.4 < twin.predict([], 1).mean[0, 0] < 2.6


def test_a_snapshot_gives_another_unit_the_same_forecast(twin, load, make_fmu):
    other = FmuTwin(NAMES, load(make_fmu()), SECOND)
    other.restore(twin.snapshot())
    assert twin.predict([], 10).mean.ravel().tolist() == pytest.approx(other.predict([], 10).mean.ravel().tolist())


def test_a_unit_that_fails_in_a_step_is_told_and_goes_back(twin):
    before = twin.predict([], 3).mean.tolist()
    with pytest.raises(ValueError, match="failed in a step"):
        twin.predict([Move(1, 5_000.0)], 3)
    assert before == twin.predict([], 3).mean.tolist()


def test_units_that_cannot_be_tried_are_refused(load, make_fmu):
    for data, code in (
        (make_fmu(state="false"), "fmu-state"),
        (make_fmu(leave_out="binary"), "fmu-load"),
        (b"no zip", "fmu-load"),
    ):
        with pytest.raises(ModelRefusedError) as refused:
            load(data)
        assert code == refused.value.code


def test_only_a_signed_file_of_bounded_size_is_read(tmp_path, make_fmu):
    key, path, public = signature.new_key(), tmp_path / "plant.fmu", tmp_path / "site.pub"
    data = make_fmu()
    path.write_bytes(data)
    public.write_bytes(signature.public_key(key))
    (tmp_path / "plant.fmu.sig").write_bytes(signature.sign(key, data))
    assert data == checked(path, public)
    path.write_bytes(data + b" ")
    with pytest.raises(ModelRefusedError):
        checked(path, public)
    with path.open("wb") as file:
        file.truncate(MAX_FMU + 1)
    with pytest.raises(ModelRefusedError, match="larger than"):
        checked(path, public)
