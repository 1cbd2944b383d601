"""Shipped folders are found from a checkout and from a wheel, and from nowhere else."""

from pathlib import Path

import pytest

from icsguard.runtime import places


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "icsguard"
    folder.mkdir()
    return folder


def test_a_checkout_has_its_folders_beside_the_package(package: Path):
    (package.parent / "pyproject.toml").touch()
    (package.parent / "rules").mkdir()
    assert package.parent / "rules" == places.shipped_dir("rules", package)


def test_a_wheel_has_its_folders_inside_the_package(package: Path):
    (package / "_data" / "models").mkdir(parents=True)
    assert package / "_data" / "models" == places.shipped_dir("models", package)


def test_the_copy_inside_the_package_wins_over_a_folder_beside_it(package: Path):
    (package.parent / "pyproject.toml").touch()
    (package.parent / "models").mkdir()
    (package / "_data" / "models").mkdir(parents=True)
    assert package / "_data" / "models" == places.shipped_dir("models", package)


def test_a_foreign_folder_in_site_packages_is_not_taken_for_ours(package: Path):
    (package.parent / "rules").mkdir()
    with pytest.raises(places.ShippedDataMissingError):
        places.shipped_dir("rules", package)


def test_a_missing_folder_is_one_line_that_says_where_it_was_sought_and_what_to_do(package: Path):
    with pytest.raises(places.ShippedDataMissingError) as caught:
        places.shipped_dir("rules", package)
    message = str(caught.value)
    assert str(package / "_data" / "rules") in message
    assert "install icsguard again" in message
    assert "\n" not in message


@pytest.mark.parametrize("find", [places.rules_dir, places.models_dir, places.systemd_dir])
def test_this_icsguard_finds_what_it_ships(find):
    assert any(find().iterdir())
