"""`icsguard demo`: the whole story on this machine alone, in a few minutes, without root."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated

import typer

from icsguard.cli.extras import needed
from icsguard.cli.options import Json


def demo(
    *,
    report: Annotated[Path | None, typer.Option(help="Write the HTML report here.", show_default=False)] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Write the closing table as an SVG picture here.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the plant's noise and the operator's actions.")] = 1,
    fast: Annotated[bool, typer.Option("--fast", help="Learn for a shorter time: quicker, less certain.")] = False,
    opcua: Annotated[
        bool, typer.Option("--opcua", help="Play over OPC UA: rules on nodes inside SignAndEncrypt.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the working folder with records and models.")] = False,
    as_json: Json = False,
) -> None:
    """Run a simulated water plant, learn it, attack it, with and without the gateway. Exit code 0: all as expected."""
    with needed("lab", "pymodbus", "scapy", *(("asyncua",) if opcua else ())):
        lab = importlib.import_module("icsguard.lab.demo")
    options = lab.Options(report=report, picture=picture, seed=seed, fast=fast, keep=keep, as_json=as_json, opcua=opcua)
    raise typer.Exit(lab.main(options))
