"""Where the files that icsguard ships are found: rule packs, models and systemd units.

A checkout keeps them in folders at its top; a wheel carries the same folders inside the package, under ``_data``. The
processes and the command line ask here and never guess a path.
"""

from pathlib import Path
from typing import Final

_PACKAGE: Final = Path(__file__).resolve().parent.parent


class ShippedDataMissingError(Exception):
    """A folder that belongs to every icsguard is not where this one was installed: the installation is damaged."""


def rules_dir() -> Path:
    """Folder of the shipped rule packs. Raises ShippedDataMissingError when this installation has none."""
    return shipped_dir("rules")


def models_dir() -> Path:
    """Folder of the shipped models and their manifests. Raises ShippedDataMissingError when there is none."""
    return shipped_dir("models")


def systemd_dir() -> Path:
    """Folder of the shipped units, sysusers and tmpfiles. Raises ShippedDataMissingError when there is none."""
    return shipped_dir("systemd")


def shipped_dir(name: str, package: Path = _PACKAGE) -> Path:
    """Folder ``name`` of the icsguard whose package lies at ``package``: the wheel's copy, else the checkout's.

    Raises ShippedDataMissingError, naming both places, when neither exists.
    """
    in_wheel = package / "_data" / name
    in_checkout = package.parent / name
    if in_wheel.is_dir():
        return in_wheel
    # Beside the package of a wheel lies site-packages, where a foreign folder may have the same name.
    if in_checkout.is_dir() and (package.parent / "pyproject.toml").is_file():
        return in_checkout
    raise ShippedDataMissingError(
        f"the folder '{name}' that icsguard ships is missing: looked at {in_wheel} and {in_checkout}; "
        "install icsguard again",
    )
