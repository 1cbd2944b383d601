"""`icsguard policy`: check, test, compare and apply who may do what. Only `apply` needs a running gateway."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from icsguard.cli import settings_file, show, talk
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.options import Config, DryRun, Json, Reason, Yes, checked_reason, config_path
from icsguard.control.requests import Reload

if TYPE_CHECKING:
    from icsguard.config.policy_tests import CaseResult
    from icsguard.config.problem import Problem
    from icsguard.config.settings import Conduit
    from icsguard.policy.rules import Policy

Points = Annotated[Path | None, typer.Option("--points", help="Its point list (CSV).", show_default=False)]
SIGNS: Final = {"permits": "+", "forbids": "-", "changes": "~"}
STYLES: Final = {"permits": "yellow", "forbids": "green", "changes": ""}

app = typer.Typer(help="Who may do what: check, test, compare, apply.", no_args_is_help=True, rich_markup_mode=None)


@app.command(epilog="Example: icsguard policy check plc1.policy.toml --points plc1.points.csv")
def check(
    file: Annotated[Path | None, typer.Argument(help="A policy file; without it: all of the configuration.")] = None,
    *,
    points: Points = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show every problem at once, each with file, line and hint. Exit code 4: there are errors."""
    if file is None:
        path = config_path(config)
        _, problems = settings_file.checked(path)
        what = str(path)
    else:
        _, problems = _policy_of(file, points)
        what = str(file)
    if settings_file.report(problems, what, as_json=as_json):
        raise typer.Exit(ExitCode.FINDING)


@app.command("test", epilog="Example: icsguard policy test plc1.cases.toml --conduit plc1")
def run_tests(
    cases: Annotated[list[Path], typer.Argument(help="Files of [[case]] tables.", show_default=False)],
    *,
    conduit: Annotated[str, typer.Option(help="Whose policy; needed where there are several.")] = "",
    policy: Annotated[
        Path | None, typer.Option(help="A policy file instead of a conduit's.", show_default=False)
    ] = None,
    points: Points = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Run requests with their expected fate through the real codec and the real judge. Exit code 4: some differ."""
    from icsguard.config.policy_tests import run_cases

    judged, serial, quirks = _judged(policy, points, conduit, config)
    results: list[CaseResult] = []
    problems: list[Problem] = []
    for file in cases:
        found, wrong = run_cases(_text(file), str(file), judged, serial=serial, quirks=quirks)
        results += found
        problems += wrong
    _show_results(results, problems, as_json=as_json)
    if problems or not all(result.passed for result in results):
        raise typer.Exit(ExitCode.FINDING)


@app.command(epilog="Example: icsguard policy diff old.policy.toml plc1.policy.toml --points plc1.points.csv")
def diff(
    old: Annotated[Path, typer.Argument(help="The policy as it was.", show_default=False)],
    new: Annotated[Path, typer.Argument(help="The policy as it shall be.", show_default=False)],
    *,
    points: Points = None,
    old_points: Annotated[
        Path | None,
        typer.Option("--old-points", help="The point list as it was, if it is another.", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say in words what becomes permitted, what becomes forbidden and what else changes. Exit code 4: they differ."""
    from icsguard.config.diff import differences

    found = differences(usable_policy(old, old_points or points), usable_policy(new, points))
    if as_json:
        show.as_json({"old": str(old), "new": str(new), "differences": found})
    elif not found:
        show.line("both permit the same")
    for difference in () if as_json else found:
        show.line(f"{SIGNS[difference.effect]} {difference.text}", style=STYLES[difference.effect])
    if found:
        raise typer.Exit(ExitCode.FINDING)


@app.command(epilog='Example: icsguard policy apply -r "wider range for pump_speed, J. Meier"')
def apply(
    *, reason: Reason, yes: Yes = False, dry_run: DryRun = False, config: Config = None, as_json: Json = False
) -> None:
    """Have the running gateway read its configuration and policies again. No connection drops.

    Live sessions are judged by the new policy from their next request on. On any error the old one stays in force.
    """
    settings = settings_file.loaded(config_path(config))
    rules = ", ".join(f"{one.name}: {one.policy.rule_count} rules" for one in settings.conduits)
    said = f"from the next request on these policies decide ({rules}); what they do not permit is refused in enforce"
    request = Reload(reason=checked_reason(reason))
    talk.carry_out(request, said, "apply", config, yes=yes, dry_run=dry_run, as_json=as_json)


def _judged(
    policy: Path | None, points: Path | None, conduit: str, config: Path | None
) -> tuple[Policy, bool, frozenset[str]]:
    """Return the policy to test, whether its device is on a serial line, and the device's quirks."""
    if policy is not None:
        return usable_policy(policy, points), False, frozenset()
    chosen = chosen_conduit(settings_file.loaded(config_path(config)).conduits, conduit)
    return chosen.policy, chosen.downstream == "serial", frozenset(chosen.quirks)


def chosen_conduit(conduits: tuple[Conduit, ...], name: str) -> Conduit:
    """Return the conduit of that name, or the only one. Raises CliError (usage)."""
    fitting = [conduit for conduit in conduits if name in {"", conduit.name}]
    if len(fitting) == 1:
        return fitting[0]
    names = ", ".join(conduit.name for conduit in conduits)
    what = f"there is no conduit '{name}'" if name else "there are several conduits"
    raise CliError(what, hint=f"--conduit with one of: {names}", code=ExitCode.USAGE)


def usable_policy(file: Path, points: Path | None) -> Policy:
    """Return a policy file without errors, with its point list. Raises CliError."""
    policy, problems = _policy_of(file, points)
    if policy is None:
        raise CliError(f"{file} has errors:", details=tuple(map(str, problems)), name="configuration")
    return policy


def _policy_of(file: Path, points: Path | None) -> tuple[Policy | None, tuple[Problem, ...]]:
    from icsguard.config.load import check_file
    from icsguard.runtime.files import shipped_rules

    files = {**shipped_rules(), str(file): _text(file)}
    if points is not None:
        files[str(points)] = _text(points)
    return check_file(files, str(file), str(points) if points is not None else "")


def _text(file: Path) -> str:
    from icsguard.config.problem import Problem
    from icsguard.runtime.files import read_text

    text = read_text(file)
    if isinstance(text, Problem):
        raise CliError(str(text))
    return text


def _show_results(results: list[CaseResult], problems: list[Problem], *, as_json: bool) -> None:
    failed = [result for result in results if not result.passed]
    if as_json:
        show.as_json({"cases": results, "failed": len(failed), "problems": problems})
        return
    for problem in problems:
        show.line(str(problem), style="red")
    for result in failed:
        show.line(f"{result.file}:{result.line}: {result.name}", style="red")
        show.line(f"  expected {result.expected}")
        show.line(f"  got      {result.got}")
    show.line(f"{len(results) - len(failed)} of {len(results)} cases as expected")
