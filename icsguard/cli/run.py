"""`icsguard run`: the whole gateway in one terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from icsguard.cli import show
from icsguard.cli.exits import CliError
from icsguard.cli.options import Config, config_path
from icsguard.cli.settings_file import loaded
from icsguard.config.settings import Conduit, Settings
from icsguard.runtime.control_client import peer_pid


def run(
    *,
    config: Config = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more of what the supervisor does.")] = False,
) -> None:
    """Start gateway, shadow and recorder, and keep them running until Ctrl-C.

    Under systemd use icsguard.target instead: there each process has its own sandbox.
    """
    path = config_path(config)
    settings = loaded(path)
    preflight(settings)
    for text in announcement(settings, path):
        show.note(text)
    from icsguard.runtime import log, supervisor

    log.configure("supervisor", level="debug" if verbose else "info")
    raise typer.Exit(supervisor.run(path))


def preflight(settings: Settings) -> None:
    """Raise CliError where it is plain that the gateway could not start; the gateway itself would say less."""
    from icsguard.runtime.doctor import Level, folder_checks, listen_check

    control = Path(settings.gateway.control_socket)
    if (pid := peer_pid(control)) is not None:
        text = f"another icsguard (process {pid}) runs already: it listens at {control}"
        raise CliError(text, hint="icsguard status, icsguard doctor, or another `run` folder in [gateway]")
    checks = [
        *(listen_check(conduit, running=None) for conduit in settings.conduits),
        *folder_checks(settings.gateway),
    ]
    failed = [check for check in checks if check.level is Level.FAIL]
    if failed:
        details = tuple(f"{check.name}: {check.text}   try: {check.fix}" for check in failed)
        raise CliError(
            "this machine is not ready for it, so nothing was started:", details=details, hint="icsguard doctor"
        )


_BARE: Final = "no policy yet: all that is well-formed passes"
"""Of a conduit that learns or observes; enforcing without a policy is an error of the configuration."""


def announcement(settings: Settings, path: Path) -> list[str]:
    """Return what is about to be guarded, one line a conduit."""
    return [
        f"icsguard on {path}, state in {settings.gateway.state_dir}",
        *(conduit_line(conduit) for conduit in settings.conduits),
        f"another terminal: icsguard status -c {path}    Ctrl-C drains and stops",
    ]


def conduit_line(conduit: Conduit) -> str:
    """Return one conduit: where clients connect, which device, how strictly."""
    rules = conduit.policy.rule_count
    judged = f"{rules} rules, {len(conduit.policy.points)} points" if rules else _BARE
    listen = f"{conduit.listen_host}:{conduit.listen_port}"
    return f"  {conduit.name}: {listen} -> {conduit.device_host}:{conduit.device_port}, mode {conduit.mode}, {judged}"
