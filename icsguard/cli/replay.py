"""`icsguard replay`: what would have happened, had icsguard enforced its policy on this recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from icsguard.cli import settings_file, show, traffic
from icsguard.cli.captures import endpoint_of
from icsguard.cli.exits import ExitCode
from icsguard.cli.options import Config, Json, config_path
from icsguard.cli.policy import Points, chosen_conduit, usable_policy
from icsguard.core.decision import Mode

if TYPE_CHECKING:
    from icsguard.config.settings import Conduit, Settings
    from icsguard.learn.player import Judging
    from icsguard.learn.replay import ReplayReport


def replay(
    recording: Annotated[
        Path | None, typer.Argument(help="pcap, pcapng or journal; default: the conduit's journal.")
    ] = None,
    *,
    conduit: Annotated[str, typer.Option(help="Whose policy; needed where there are several.")] = "",
    policy: Annotated[
        Path | None, typer.Option(help="Judge by this policy file instead of the conduit's.", show_default=False)
    ] = None,
    points: Points = None,
    mode: Annotated[Mode, typer.Option(help="As if the conduit were in this mode.")] = Mode.ENFORCE,
    twin: Annotated[bool, typer.Option("--twin/--no-twin", help="Ask the learned twin as well.")] = True,
    device: traffic.Device = "",
    port: traffic.Ports = [502],  # noqa: B006 - typer copies it
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Run recorded traffic through the very code that runs live. Exit code 4: something would have been stopped."""
    settings = settings_file.loaded(config_path(config))
    chosen = chosen_conduit(settings.conduits, conduit)
    if policy is not None:
        chosen = _judged_by(chosen, policy, points)
    report = _replayed(settings, chosen, recording, mode, device, port, twin=twin)
    if as_json:
        numbers = {"requests": report.requests, "stopped": report.stopped, "bound": report.bound}
        show.as_json({**show.builtins(report), **numbers})
    else:
        for line in report.lines():
            show.line(line)
    if report.stopped:
        raise typer.Exit(ExitCode.FINDING)


def _judged_by(conduit: Conduit, policy: Path, points: Path | None) -> Conduit:
    from dataclasses import replace

    return replace(conduit, policy=usable_policy(policy, points))


def _replayed(
    settings: Settings,
    conduit: Conduit,
    recording: Path | None,
    mode: Mode,
    device: str,
    ports: list[int],
    *,
    twin: bool,
) -> ReplayReport:
    path = recording or traffic.journal_of(settings, conduit)
    with traffic.understood(path):
        from icsguard.learn.replay import replay_capture, replay_journal

        shadow = _shadow(settings, conduit) if twin else None
        if traffic.is_journal(path):
            return replay_journal(path, conduit, mode=mode, shadow=shadow)
        return replay_capture(
            path, conduit, mode=mode, shadow=shadow, ports=frozenset(ports), device=endpoint_of(device)
        )


def _shadow(settings: Settings, conduit: Conduit) -> Judging | None:
    """Return a shadow with the conduit's learned twin, None where none was learned or it is not to be trusted."""
    if not (Path(settings.shadow.models_dir) / conduit.name).is_dir():
        return None
    from dataclasses import replace

    from icsguard.detect.shadow import Shadow
    from icsguard.runtime.model_store import ModelStore
    from icsguard.runtime.shadow import options_of

    chosen = replace(settings, conduits=(conduit,))
    models = ModelStore().load(chosen)
    for name, reason in models.refused.items():
        show.note(f"without the model of {name}: {reason}")
    return Shadow(options_of(chosen), models.sites, models.flow)
