"""Recorded traffic for `learn` and `replay`: a capture file, or the journal that the recorder keeps in learn mode."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from icsguard.cli import show
from icsguard.cli.captures import checked_capture, endpoint_of
from icsguard.cli.durations import seconds_of
from icsguard.cli.exits import CliError, ExitCode
from icsguard.cli.extras import needed
from icsguard.core.clock import SECOND

if TYPE_CHECKING:
    from icsguard.config.settings import Conduit, Settings
    from icsguard.learn.traffic import Traffic

Device = Annotated[
    str,
    typer.Option("--device", help="Which device of a capture: host:port; default: the conduit's.", show_default=False),
]
Ports = Annotated[list[int], typer.Option("--port", help="Modbus port in a capture; may be repeated.")]
JOURNAL_MAGIC = b"icsguard"
"""A journal begins with this, no capture does."""


def journal_of(settings: Settings, conduit: Conduit) -> Path:
    """Return the journal of a conduit. Raises CliError where there is none, or it may not be read."""
    from icsguard.runtime.journal import journal_path

    path = journal_path(Path(settings.gateway.state_dir), conduit.name)
    try:
        path.open("rb").close()
    except FileNotFoundError:
        hint = f"icsguard mode {conduit.name} learn -r ..., and let its clients work; or --from CAPTURE.pcap"
        raise CliError(f"no traffic of {conduit.name} was recorded yet: there is no {path}", hint=hint) from None
    except PermissionError:
        raise CliError(f"{path} may not be read by this user", hint="use sudo", code=ExitCode.PERMISSION) from None
    except OSError as error:
        raise CliError(f"{path} cannot be read: {error.strerror}") from error
    return path


def read(settings: Settings, conduit: Conduit, source: Path | None, device: str, ports: list[int]) -> Traffic:
    """Return the transactions of a capture, or of the conduit's journal, but for what is forgotten. Raises CliError."""
    seen = everything(settings, conduit, source, device, port=ports)
    with understood(source or Path()):
        from icsguard.learn.unlearn import remembered

        kept = tuple(remembered(Path(settings.shadow.models_dir) / conduit.name, seen.transactions))
    if len(kept) == len(seen.transactions):
        return seen
    counts = {**seen.counts, "forgotten": len(seen.transactions) - len(kept)}
    return replace(seen, transactions=kept, counts=counts)


def everything(settings: Settings, conduit: Conduit, source: Path | None, device: str, *, port: list[int]) -> Traffic:
    """Return the transactions of a capture, or of the conduit's journal. Raises CliError."""
    with understood(source or Path()):
        from icsguard.learn.traffic import choose_device, from_capture, from_journal

        if source is None:
            return _as_rows(from_journal(journal_of(settings, conduit), conduit.name), conduit)
        if is_journal(source):
            return _as_rows(from_journal(source, conduit.name), conduit)
        if conduit.opcua is not None:
            raise CliError("a capture of OPC UA is not read", hint="let the gateway record: icsguard mode … learn")
        chosen, wanted = frozenset(port), endpoint_of(device) or (conduit.device_host, conduit.device_port)
        whole = from_capture(source, conduit.name, ports=chosen)
        one = choose_device(whole.devices, wanted)
        if len(whole.devices) == 1:
            return whole
        return from_capture(source, conduit.name, ports=chosen, device=one)


def _as_rows(seen: Traffic, conduit: Conduit) -> Traffic:
    """Return traffic of OPC UA as rows of the map in which twin and learning know its points."""
    if conduit.opcua is None:
        return seen
    from icsguard.core.method import Methods
    from icsguard.twin.node_traffic import NodeTraffic

    nodes = NodeTraffic(conduit.policy.points, Methods(conduit.policy.opcua.methods() if conduit.policy.opcua else ()))
    rows = tuple(row for one in seen.transactions for row in nodes.rows(one))
    return replace(seen, transactions=rows, counts={**seen.counts, "published_unmapped": nodes.unmapped})


def waited(seen: Traffic, wait: str, closed: Collection[str]) -> Traffic:
    """Return the traffic that has waited long enough, without hours that alarm. Raises CliError where nothing has."""
    from icsguard.learn.quarantine import released
    from icsguard.runtime.clock import Clock

    wait_ns = 0 if wait.strip() == "0" else seconds_of(wait) * SECOND
    done = released(seen.transactions, seen.alarms, Clock().now(), wait_ns=wait_ns, closed=closed)
    if done.young or done.alarmed:
        said = f"{done.young} are younger than {wait}, {done.alarmed} lie in or beside hours with an open alarm"
        show.note(f"{done.young + done.alarmed} of {len(seen.transactions)} transactions do not teach: {said}")
    if seen.transactions and not done.transactions:
        raise CliError("no traffic is left that may teach", hint="wait, or close alarms with --closed ID")
    return replace(seen, transactions=tuple(done.transactions))


def is_journal(path: Path) -> bool:
    """Say whether a file is a journal rather than a capture. Raises CliError where it cannot be read."""
    with checked_capture(path).open("rb") as file:
        return file.read(len(JOURNAL_MAGIC)) == JOURNAL_MAGIC


@contextlib.contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn what can be wrong with recorded traffic into one line."""
    with needed("learn", "scapy", "onnx"):
        from icsguard.inference.api import ModelRefusedError
        from icsguard.learn.capture import CaptureError
        from icsguard.runtime.journal import JournalError

        try:
            yield
        except (CaptureError, JournalError, ModelRefusedError) as error:
            raise CliError(str(error)) from error
        except OSError as error:
            raise CliError(f"{error.filename or path} cannot be read: {error.strerror}") from error
