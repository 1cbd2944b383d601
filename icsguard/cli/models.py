"""`icsguard models`: which models a conduit has, a challenger beside the champion, promotion by rule, and the way back.

Promotion and rollback move files; a running shadow takes them into use within a second, and no request waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from icsguard.cli import models_view as view
from icsguard.cli import settings_file, show, talk, traffic
from icsguard.cli.confirm import confirm
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.handing_over import hand_over
from icsguard.cli.options import Config, Json, Reason, Yes, checked_reason, config_path
from icsguard.cli.policy import chosen_conduit
from icsguard.cli.progress import progress_bar
from icsguard.control.replies import Done

if TYPE_CHECKING:
    from icsguard.config.settings import Settings

_UNDO: Final = "icsguard models rollback {} -r ..."
Conduit = Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)]

app = typer.Typer(
    help="The models of a conduit: champion, challenger, promotion, rollback.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("list", epilog="Example: icsguard models list")
def list_models(
    conduit: Annotated[str, typer.Argument(help="Only this conduit.")] = "",
    *,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List champion, challenger and earlier champions of each conduit."""
    settings = settings_file.loaded(config_path(config))
    names = [conduit] if conduit else [one.name for one in settings.conduits]
    found = [(name, one) for name in names for one in view.shelf(settings, name).all()]
    if as_json:
        show.as_json([view.described(name, one) for name, one in found])
    elif not found:
        show.nothing("model was learnt yet: icsguard learn CONDUIT")
    else:
        show.table(view.COLUMNS, [view.row(name, one) for name, one in found], right=frozenset({"POINTS", "ROWS"}))


@app.command("show", epilog="Example: icsguard models show plc1")
def show_model(
    conduit: Conduit,
    digest: Annotated[str, typer.Argument(help="First digits of its digest; default: the champion.")] = "",
    *,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show a model's card: features, data, thresholds, calibration, metrics."""
    settings = settings_file.loaded(config_path(config))
    found = [one for one in view.shelf(settings, conduit).all() if one.digest.startswith(digest)]
    if not found:
        raise CliError(f"conduit {conduit} has no model {digest}".rstrip(), hint=f"icsguard models list {conduit}")
    card = view.described(conduit, found[0])
    if as_json:
        show.as_json(card)
        return
    for name, value in card.items():
        text = ", ".join(f"{key} {part}" for key, part in value.items()) if isinstance(value, dict) else str(value)
        show.line(f"{name}: {text}")


@app.command(epilog="Example: icsguard models challenge plc1 --from november.pcapng")
def challenge(
    conduit: Conduit,
    *,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A capture (pcap, pcapng) or journal instead of the conduit's own journal."),
    ] = None,
    device: traffic.Device = "",
    port: traffic.Ports = [502],  # noqa: B006 - typer copies it
    wait: Annotated[
        str, typer.Option("--quarantine", help="Traffic younger than this does not teach; 0 for none.")
    ] = "7d",
    closed: Annotated[
        list[str] | None, typer.Option("--closed", help="Id of an alarm that was looked into; may be repeated.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Fit a challenger on 70 % of the traffic and try both models on the rest. The champion stays in use.

    Traffic of the last week, and hours with an alarm in or beside them, do not teach it.
    """
    settings = settings_file.loaded(config_path(config))
    chosen = chosen_conduit(settings.conduits, conduit)
    seen = traffic.waited(traffic.read(settings, chosen, source, device, port), wait, closed or ())
    with traffic.understood(Path(settings.shadow.models_dir)):
        from icsguard.inference.api import ModelRefusedError
        from icsguard.learn.challenge import challenge as tried
        from icsguard.learn.fit import NothingToLearnError
        from icsguard.learn.golden import NothingToJudgeError

        try:
            with progress_bar(f"a challenger for {conduit}") as progress:
                trial = tried(settings, chosen, seen.transactions, progress)
        except (NothingToLearnError, NothingToJudgeError) as error:
            raise CliError(str(error)) from error
        except (ModelRefusedError, FileNotFoundError) as error:
            text = f"conduit {conduit} has no champion to stand beside: {error}"
            raise CliError(text, hint=f"icsguard learn {conduit}") from error
    hand_over(Path(settings.gateway.state_dir), Path(settings.shadow.models_dir))
    view.show_trial(trial, as_json=as_json)
    show.note(f"it runs beside the champion now; later: icsguard models promote {conduit} -r ...")


@app.command(epilog="Example: icsguard models judge plc1")
def judge(conduit: Conduit, *, config: Config = None, as_json: Json = False) -> None:
    """Show whether the challenger may be promoted, rule by rule. Exit code 4: it may not."""
    path = config_path(config)
    ruling = view.ruling(settings_file.loaded(path), conduit, path, without_live_run=False)
    view.show_ruling(ruling, as_json=as_json)
    if not ruling.may_promote:
        raise typer.Exit(ExitCode.FINDING)


@app.command(epilog='Example: icsguard models promote plc1 -r "new product since 12 November"')
def promote(
    conduit: Conduit,
    *,
    reason: Reason,
    without_live_run: Annotated[
        bool, typer.Option("--without-live-run", help="Do without a day beside the champion on live traffic.")
    ] = False,
    yes: Yes = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put the challenger in the champion's place, if every rule holds. Undone by `icsguard models rollback`."""
    why, path = checked_reason(reason), config_path(config)
    settings = settings_file.loaded(path)
    ruling = view.ruling(settings, conduit, path, without_live_run=without_live_run)
    if not ruling.may_promote:
        if not as_json:
            view.show_ruling(ruling, as_json=False)
        broken = tuple(
            f"{one.text}: wanted {one.wanted}, measured {one.measured}" for one in ruling.rules if not one.held
        )
        raise CliError(f"the challenger of {conduit} may not be promoted", name="rules", details=broken)
    confirm(f"writes to {conduit} will be judged by the challenger's forecasts from now on", conduit, yes=yes)
    new, old = _moved(lambda: view.shelf(settings, conduit).promote(), settings)
    text = f"the model of {conduit} is {new or 'none'} (before: {old or 'none'})"
    talk.recorded(conduit, Done(text=text, undo=_UNDO.format(conduit)), why, config, as_json=as_json)


@app.command(epilog='Example: icsguard models rollback plc1 -r "holds the night shift\'s set-points"')
def rollback(
    conduit: Conduit,
    *,
    reason: Reason,
    to: Annotated[str, typer.Option("--to", help="Digest of an earlier model; default: the one before.")] = "",
    yes: Yes = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put the model of before back in use; the present one is kept, so that the same command takes this back."""
    why = checked_reason(reason)
    settings = settings_file.loaded(config_path(config))
    confirm(f"writes to {conduit} will be judged by the earlier model's forecasts from now on", conduit, yes=yes)
    new, old = _moved(lambda: view.shelf(settings, conduit).rollback(to), settings)
    text = f"the model of {conduit} is again {new} (before: {old or 'none'})"
    talk.recorded(conduit, Done(text=text, undo=_UNDO.format(conduit)), why, config, as_json=as_json)


@app.command(epilog='Example: icsguard models discard plc1 -r "learnt from the wrong week"')
def discard(conduit: Conduit, *, reason: Reason, config: Config = None, as_json: Json = False) -> None:
    """Delete the challenger. The champion stays in use."""
    why = checked_reason(reason)
    settings = settings_file.loaded(config_path(config))
    gone, _ = _moved(lambda: (view.shelf(settings, conduit).discard(), ""), settings)
    talk.recorded(conduit, Done(text=f"the challenger {gone} of {conduit} is deleted"), why, config, as_json=as_json)


@app.command(epilog='Example: icsguard models retire plc1 -r "another plant since the rebuild"')
def retire(conduit: Conduit, *, reason: Reason, yes: Yes = False, config: Config = None, as_json: Json = False) -> None:
    """Take the champion out of use: what is learned next is a first model. Undone by `icsguard models rollback`."""
    why = checked_reason(reason)
    settings = settings_file.loaded(config_path(config))
    confirm(f"no model will judge writes to {conduit} until another is learned", conduit, yes=yes)
    gone, _ = _moved(lambda: (view.shelf(settings, conduit).retire(), ""), settings)
    done = Done(text=f"the model {gone} of {conduit} is out of use", undo=_UNDO.format(conduit))
    talk.recorded(conduit, done, why, config, as_json=as_json)


def _moved(move: Callable[[], tuple[str, str]], settings: Settings) -> tuple[str, str]:
    """Move files; turn what can go wrong into one line."""
    from icsguard.runtime.model_shelf import ShelfError

    try:
        moved = move()
    except ShelfError as error:
        raise CliError(str(error), hint="icsguard models list") from error
    except PermissionError as error:
        text = f"{error.filename} may not be written by this user"
        raise CliError(text, hint="use sudo", code=ExitCode.PERMISSION) from error
    except OSError as error:
        raise CliError(f"the models cannot be moved: {error}") from error
    hand_over(Path(settings.gateway.state_dir), Path(settings.shadow.models_dir))
    return moved
