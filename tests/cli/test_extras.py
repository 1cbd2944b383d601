import pytest

from icsguard.cli.exits import CliError
from icsguard.cli.extras import needed


def test_a_missing_package_of_an_extra_names_the_command_that_installs_it():
    with pytest.raises(CliError) as error, needed("lab", "pymodbus"):
        raise ModuleNotFoundError("No module named 'pymodbus.server'", name="pymodbus.server")
    assert "pip install 'icsguard[lab]'" == error.value.hint


def test_any_other_missing_module_is_a_bug_and_passes():
    with pytest.raises(ModuleNotFoundError), needed("lab", "pymodbus"):
        raise ModuleNotFoundError("No module named 'icsguard.typo'", name="icsguard.typo")
