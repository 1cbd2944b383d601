"""`icsguard twin unlearn`: a span of time that should never have taught is taken out of the model in use, exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from icsguard.cli import settings_file, talk, traffic
from icsguard.cli.confirm import confirm
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.handing_over import hand_over
from icsguard.cli.options import Config, Json, Reason, Yes, checked_reason, config_path
from icsguard.cli.policy import chosen_conduit
from icsguard.cli.progress import progress_bar
from icsguard.control.replies import Done
from icsguard.core.clock import SECOND

if TYPE_CHECKING:
    from icsguard.config.settings import Conduit, Settings
    from icsguard.learn.unlearn import Unlearned

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXAMPLE: Final = "2026-11-18T02:00"


def unlearn(
    conduit: Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)],
    since: Annotated[str, typer.Argument(metavar="FROM", help=f"Local time, as {_EXAMPLE}.", show_default=False)],
    until: Annotated[str, typer.Argument(metavar="TO", help="Local time; the end is not part.", show_default=False)],
    *,
    reason: Reason,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="The capture or journal that taught the model; default: the conduit's journal."),
    ] = None,
    device: traffic.Device = "",
    port: traffic.Ports = [502],  # noqa: B006 - typer copies it
    yes: Yes = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take a span of time out of the twin, exactly as if it had never been seen; it will not teach again either."""
    why, span = checked_reason(reason), (moment_of(since), moment_of(until))
    if span[0] >= span[1]:
        raise CliError(f"{since} is not before {until}", code=ExitCode.USAGE)
    path = config_path(config)
    settings = settings_file.loaded(path)
    chosen = chosen_conduit(settings.conduits, conduit)
    confirm(f"the twin of {conduit} forgets {since} to {until}, and judges writes without it", conduit, yes=yes)
    done = _done(settings, chosen, span, why, source, device, port)
    text = f"the twin of {conduit} has forgotten {since} to {until}: {done.rows_before - done.rows_after} rows"
    details = (
        f"{done.rows_after} of {done.rows_before} rows are left",
        f"statistics of the hours outside are the same to {done.difference:.1e}",
    )
    undo = f"icsguard models rollback {conduit} -r ..."
    talk.recorded(conduit, Done(text=text, undo=undo, details=details), why, path, as_json=as_json)


def moment_of(text: str) -> int:
    """Return a moment, ns since the epoch; local time where no zone is said. Raises CliError (usage)."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CliError(f"'{text}' is no moment", hint=f"write it like {_EXAMPLE}", code=ExitCode.USAGE) from error
    return int((moment.astimezone(UTC) - _EPOCH).total_seconds() * SECOND)


def _done(
    settings: Settings,
    conduit: Conduit,
    span: tuple[int, int],
    reason: str,
    source: Path | None,
    device: str,
    port: list[int],
) -> Unlearned:
    folder = Path(settings.shadow.models_dir) / conduit.name
    seen = traffic.read(settings, conduit, source, device, port)
    with traffic.understood(folder):
        from icsguard.learn import unlearn as unlearning
        from icsguard.learn.export import export, site_key
        from icsguard.learn.fit import NothingToLearnError
        from icsguard.learn.teach import teaching_of
        from icsguard.runtime.model_shelf import Shelf
        from icsguard.runtime.model_store import CHALLENGER, PUBLIC_KEY, ModelStore
        from icsguard.runtime.places import models_dir

        state = Path(settings.gateway.state_dir)
        try:
            old = unlearning.read_lesson(folder)
        except FileNotFoundError:
            text = f"there is no model of {conduit.name} that says what taught it"
            raise CliError(text, hint=f"icsguard learn {conduit.name}") from None
        try:
            with progress_bar(f"unlearning {conduit.name}") as progress:
                made = unlearning.unlearn(
                    conduit,
                    old,
                    seen.transactions,
                    span,
                    teaching_of(settings.shadow),
                    flow_model=ModelStore().flow(models_dir()),
                    progress=progress,
                )
            unlearning.forget(folder, span, reason)
        except (unlearning.UnlearnError, NothingToLearnError) as error:
            raise CliError(str(error)) from error
        export(made.lessoned.fitted, folder / CHALLENGER, site_key(state), made.lessoned.lesson)
        Shelf(folder, state / PUBLIC_KEY).promote()
        hand_over(state, Path(settings.shadow.models_dir))
    return made
