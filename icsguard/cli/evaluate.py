"""`icsguard evaluate`: how good the detection is, measured here and now on simulated plants and recorded data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from icsguard.cli import show
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.extras import needed
from icsguard.cli.options import Json


def evaluate(
    *,
    full: Annotated[bool, typer.Option("--full/--short", help="Everything, or what every build can afford.")] = False,
    only: Annotated[
        list[str] | None, typer.Option("--set", help="Only this plant, recorded set or study; may be repeated.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write the page (HTML) here.", show_default=False)] = None,
    json_file: Annotated[Path | None, typer.Option(help="Write the figures (JSON) here.", show_default=False)] = None,
    seed: Annotated[int, typer.Option(help="Seed of plants, operators and attackers.", min=1)] = 1,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes that share the work.", min=1)] = 1,
    as_json: Json = False,
) -> None:
    """Measure detection: attacks by the hundred, thresholds from clean data alone. Recorded sets need ICSGUARD_DATA."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # small matrices: a second thread only costs time
    with needed("learn", "scapy", "onnx"):
        import msgspec

        from icsguard.evaluation.form import FULL, SHORT
        from icsguard.evaluation.page import html
        from icsguard.evaluation.run import evaluate as measure
        from icsguard.evaluation.tables import as_text, goals_table
    form = FULL if full else SHORT
    unknown = sorted(set(only or ()) - {*FULL.plants, *FULL.real, *FULL.studies})
    if unknown:
        text = f"there is no set {', '.join(unknown)}"
        raise CliError(text, hint=f"one of {', '.join((*FULL.plants, *FULL.real, *FULL.studies))}", code=ExitCode.USAGE)
    result = measure(form, only or (), seed, show.note, jobs)
    if report is not None:
        report.write_text(html(result), encoding="utf-8")
    if json_file is not None:
        json_file.write_bytes(msgspec.json.encode(result) + b"\n")
    if as_json:
        show.as_json(msgspec.to_builtins(result))
    else:
        for table in (*result.tables, goals_table(result.goals)):
            typer.echo(as_text(table))
    if result.failed:
        raise CliError(f"{len(result.failed)} parts of the evaluation failed", details=result.failed)
