"""`icsguard learn`: from traffic to a proposal that a human reads, and from a read proposal to a policy in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from icsguard.cli import settings_file, show, talk, traffic
from icsguard.cli.adopting import adopt, proposed_files
from icsguard.cli.confirm import confirm
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.handing_over import hand_over
from icsguard.cli.options import Config, Json, Yes, checked_reason, config_path
from icsguard.cli.policy import chosen_conduit
from icsguard.cli.progress import Progress, progress_bar
from icsguard.cli.show import Cell
from icsguard.cli.twin import fit_twin, is_fitted_to
from icsguard.control.replies import Done
from icsguard.control.requests import Reload

if TYPE_CHECKING:
    from icsguard.config.settings import Conduit, Settings
    from icsguard.core.point import Point
    from icsguard.learn.propose import Proposal, ProposedRule
    from icsguard.learn.site import LearnReport
    from icsguard.learn.traffic import Traffic

RULES: Final = ("CLIENT", "UNITS", "FUNCTIONS", "WHERE", "RATE", "EVIDENCE")
REVIEW: Final = ("CLIENT", "UNITS", "FUNCTIONS", "WHERE", "WHY NOT", "WHAT NEXT")


def learn(
    conduit: Annotated[str, typer.Argument(help="Name of the conduit.", show_default=False)],
    *,
    source: Annotated[
        Path | None,
        typer.Option("--from", help="A capture (pcap, pcapng) or journal instead of the conduit's own journal."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the proposal; default: CONDUIT.proposal.", show_default=False),
    ] = None,
    review: Annotated[bool, typer.Option("--review", help="Only show what would be proposed; write nothing.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Put the reviewed proposal in force (needs -r).")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a proposal that somebody has edited.")] = False,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why it is accepted; recorded with your name.")] = "",
    yes: Yes = False,
    device: traffic.Device = "",
    port: traffic.Ports = [502],  # noqa: B006 - typer copies it
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Propose a policy, a point list and a twin from the traffic of a conduit. Nothing is in force until --accept."""
    path = config_path(config)
    settings = settings_file.loaded(path)
    chosen = chosen_conduit(settings.conduits, conduit)
    if chosen.opcua is not None:
        _learn_nodes(settings, chosen, source, write=not (review or accept), as_json=as_json)
        return
    folder = out or path.absolute().parent / f"{conduit}.proposal"
    if accept:
        why = checked_reason(reason)
        _confirm(chosen, folder, yes=yes)
        _accept(
            chosen, folder, path, lambda: traffic.read(settings, chosen, source, device, port), why, as_json=as_json
        )
        return
    seen = traffic.read(settings, chosen, source, device, port)
    with traffic.understood(folder):
        from icsguard.learn.propose import propose
        from icsguard.learn.site import LearnError, learn_conduit, siblings_of

        if review:
            proposal = propose(seen, conduit, chosen.policy, siblings=siblings_of(settings, conduit))
            _show_proposal(proposal, as_json=as_json)
            return
        try:
            with progress_bar(f"learning {conduit}") as progress:
                report = learn_conduit(settings, chosen, seen, folder, progress, overwrite=force)
        except LearnError as error:
            raise CliError(str(error)) from error
    hand_over(Path(settings.gateway.state_dir), Path(settings.shadow.models_dir))
    _show_report(report, as_json=as_json)


def _learn_nodes(settings: Settings, conduit: Conduit, source: Path | None, *, write: bool, as_json: bool) -> None:
    """Fit the twin of a conduit of OPC UA to its points; who may do what on nodes is written by people."""
    if not write:
        text = "on OPC UA no policy is proposed, so there is nothing to review or accept: learn fits the twin alone"
        raise CliError(text, hint=f"icsguard learn {conduit.name}", code=ExitCode.USAGE)
    if not conduit.policy.points:
        raise CliError(f"{conduit.name} has no point with a node: nothing can be learned", hint="points = a list")
    seen = traffic.read(settings, conduit, source, "", [])
    with progress_bar(f"fitting the twin of {conduit.name}") as progress:
        twin = fit_twin(settings, conduit, seen, progress)
    hand_over(Path(settings.gateway.state_dir), Path(settings.shadow.models_dir))
    if as_json:
        show.as_json({"conduit": conduit.name, "twin": twin})
        return
    show.line(f"twin:   {twin}")


def _confirm(conduit: Conduit, folder: Path, *, yes: bool) -> None:
    names = ", ".join(proposed_files(conduit.name, folder).values())
    acts = {"enforce": "is refused from the next request on", "observe": "is recorded", "learn": "is recorded"}
    said = f"{names} become the policy of {conduit.name}: what they do not permit {acts[conduit.mode]}"
    confirm(said, conduit.name, yes=yes)


def _accept(
    conduit: Conduit, folder: Path, config: Path, read: Callable[[], Traffic], reason: str, *, as_json: bool
) -> None:
    """Adopt the files, fit the twin to the accepted points, and have a running gateway read them."""
    before = conduit.policy.points
    adopted = adopt(conduit.name, folder, config)
    settings = settings_file.loaded(config)
    with progress_bar(f"fitting the twin of {conduit.name}") as progress:
        twin = refitted(settings, settings.conduit(conduit.name), read, progress, before)
    gateway = reloaded(config, reason)
    if as_json:
        show.as_json({"written": adopted.written, "kept": adopted.kept, "twin": twin, "gateway": gateway})
        return
    for name in adopted.written:
        show.line(f"written: {name}")
    for name in adopted.kept:
        show.note(f"what was there before: {name}")
    show.line(f"twin: {twin}")
    show.line(f"gateway: {gateway}")
    show.note(f"next: icsguard mode {conduit.name} observe -r ...")


def refitted(
    settings: Settings, conduit: Conduit, read: Callable[[], Traffic], progress: Progress, before: Sequence[Point] = ()
) -> str:
    """Fit the first twin, or one for points that the review changed; say what came of it."""
    if is_fitted_to(settings, conduit):
        return f"stays, as the points are the same; one of this traffic: icsguard models challenge {conduit.name}"
    try:
        return fit_twin(settings, conduit, read(), progress, before)
    except CliError as error:
        return f"none fitted: {error.text}"


def reloaded(config: Path, reason: str) -> str:
    """Have a running gateway read the files again; say what came of it."""
    try:
        return talk.answer(Reload(reason=reason), Done, config).text
    except CliError as error:
        if error.code is ExitCode.NOT_RUNNING:
            return "not running; it reads them when it starts"
        return f"{error.text}   try: icsguard policy apply -r ..."


def _show_report(report: LearnReport, *, as_json: bool) -> None:
    if as_json:
        show.as_json(report)
        return
    _show_proposal(report.proposal, as_json=False)
    show.line("")
    show.line(f"policy: {report.policy_file}")
    show.line(f"points: {report.points_file}")
    show.line(f"twin:   {report.twin_note or report.model_dir}")
    for problem in report.problems:
        show.line(f"to correct: {problem}", style="yellow")
    name = report.conduit
    show.note(f"next: read the policy from top to bottom, then icsguard learn {name} --accept -r ...")


def _show_proposal(proposal: Proposal, *, as_json: bool) -> None:
    if as_json:
        show.as_json(proposal)
        return
    counts = ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in proposal.counts.items() if count)
    show.line(f"{proposal.conduit}: {proposal.requests} requests of {proposal.source} ({counts})")
    show.table(RULES, [(*_what(rule), rule.rate or "-", "; ".join(rule.evidence)) for rule in proposal.rules])
    if proposal.review:
        show.line("")
        show.line(f"for review, not proposed: {len(proposal.review)}", style="yellow")
        show.table(REVIEW, [(*_what(item.rule), Cell(item.why, "yellow"), item.hint) for item in proposal.review])


def _what(rule: ProposedRule) -> tuple[str, str, str, str]:
    where = ", ".join([*rule.points, *rule.ranges]) or "-"
    return rule.client, ", ".join(map(str, rule.units)), ", ".join(rule.functions), where
