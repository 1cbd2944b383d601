"""The systemd units: each starts a process that exists, is accepted by systemd and stays inside its sandbox."""

import configparser
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

ROLES = ("gateway", "shadow", "recorder")
MOST_EXPOSED = 2.0  # systemd-analyze security: below 2 is "OK" at its best; services as distributed have 9 and more


@pytest.fixture(params=ROLES)
def role(request) -> str:
    return request.param


@pytest.fixture
def unit(repo: Path, role: str) -> Path:
    return repo / "systemd" / f"icsguard-{role}.service"


@pytest.fixture
def service(unit: Path) -> configparser.SectionProxy:
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#", ";"))
    parser.optionxform = str
    parser.read(unit, encoding="utf-8")
    return parser["Service"]


@pytest.fixture
def analyze():
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: apt install systemd")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=50)

    return run


def test_a_unit_starts_a_module_that_exists(service, role):
    module = service["ExecStart"].split(" -m ")[1].split()[0]
    assert f"icsguard.runtime.{role}" == module
    assert importlib.util.find_spec(module) is not None


def test_a_unit_is_watched_and_comes_back(service):
    assert "notify" == service["Type"]
    assert "always" == service["Restart"]
    assert int(service["WatchdogSec"]) > 0


def test_only_the_gateway_has_a_capability_and_it_is_the_one_for_low_ports(service, role):
    assert ("CAP_NET_BIND_SERVICE" if role == "gateway" else "") == service["CapabilityBoundingSet"]


def test_only_the_gateway_sees_the_users_of_the_machine(service, role):
    assert ("no" if role == "gateway" else "yes") == service["PrivateUsers"]


def test_the_shadow_has_no_network(repo):
    text = (repo / "systemd" / "icsguard-shadow.service").read_text(encoding="utf-8")
    assert "\nPrivateNetwork=yes\n" in text
    assert "\nRestrictAddressFamilies=AF_UNIX\n" in text


def test_the_shadow_may_read_the_features_of_the_processor(repo):
    text = (repo / "systemd" / "icsguard-shadow.service").read_text(encoding="utf-8")
    assert "\nProcSubset=all\n" in text  # with pid, onnxruntime warns and computes without them


def test_every_user_and_folder_of_a_unit_is_made_somewhere(repo, service):
    users = (repo / "systemd" / "icsguard.sysusers.conf").read_text(encoding="utf-8")
    folders = (repo / "systemd" / "icsguard.tmpfiles.conf").read_text(encoding="utf-8").split()
    assert f"u {service['User']} " in users.replace("  ", " ")
    assert f"g {service['Group']} " in users.replace("  ", " ")
    assert set() == set(service["ReadWritePaths"].split()) - set(folders)


@pytest.mark.peer
def test_systemd_accepts_the_units(analyze, repo):
    units = sorted(str(unit) for unit in (repo / "systemd").iterdir() if unit.suffix in {".service", ".target"})
    result = analyze("verify", "--man=no", *units)
    assert (0, "", "") == (result.returncode, result.stdout, result.stderr)


@pytest.mark.peer
def test_a_unit_is_hardly_exposed(analyze, unit):
    tenths = round(MOST_EXPOSED * 10)
    result = analyze("security", "--offline=true", "--no-pager", f"--threshold={tenths}", str(unit))
    assert 0 == result.returncode, result.stdout


@pytest.mark.peer
def test_a_careless_unit_would_be_found(analyze, tmp_path):
    careless = tmp_path / "careless.service"
    careless.write_text("[Service]\nExecStart=/bin/true\n")
    result = analyze(
        "security", "--offline=true", "--no-pager", f"--threshold={round(MOST_EXPOSED * 10)}", str(careless)
    )
    assert 0 != result.returncode
