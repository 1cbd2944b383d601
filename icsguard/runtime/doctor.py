"""`icsguard doctor`: looks at what a gateway needs from its machine, and names the command that fixes what is amiss.

Each check stands alone, changes nothing, and sends nothing to a device but a TCP connection that it closes again.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import socket
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

from icsguard.config.settings import Conduit, GatewaySettings, RecorderSettings, Settings, SyslogSettings, UaSettings
from icsguard.runtime import compiled
from icsguard.runtime.clock import Clock
from icsguard.runtime.compiled import Core
from icsguard.runtime.control_client import peer_pid
from icsguard.runtime.ports import SOMEBODY, may_bind_low, owner_of, unprivileged_start

MIB: Final = 1024 * 1024
MIN_FREE: Final = 256 * MIB  # below it the recorder soon stops to write; that is a failure, not a warning
SPARE_DESCRIPTORS: Final = 64  # sockets, files and pipes of the process itself
_STA_UNSYNC: Final = 0x0040  # adjtimex(2): the clock is not synchronised
_TIMEX_SIZE: Final = 512  # bytes; struct timex has 208 on 64-bit Linux
_TIMEX_STATUS: Final = 40  # offset of its `status` there: modes, offset, freq, maxerror, esterror come before


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(NamedTuple):
    """One line of the doctor."""

    level: Level
    name: str
    text: str
    fix: str = ""
    """The command that fixes it."""


def examine(settings: Settings, config: Path) -> Iterator[Check]:
    """Yield the checks of a machine for these settings, one after the other as they are done."""
    running = peer_pid(Path(settings.gateway.control_socket))
    yield running_check(running)
    yield file_check(config)
    yield core_check(compiled.find())
    for conduit in settings.conduits:
        yield listen_check(conduit, running=running)
        yield device_check(conduit) if running is None else device_left_alone(conduit)
        yield model_check(conduit, Path(settings.shadow.models_dir))
        if conduit.opcua is not None:
            yield from certificate_checks(conduit.name, conduit.opcua, Clock())
    yield from folder_checks(settings.gateway)
    yield folder_check("records folder", Path(settings.recorder.path).parent)
    yield disk_check(settings.recorder, settings.gateway)
    yield descriptor_check(settings.conduits)
    yield clock_check()
    if settings.recorder.syslog is not None:
        yield syslog_check(settings.recorder.syslog)


def certificate_checks(name: str, settings: UaSettings, clock: Clock) -> Iterator[Check]:
    """Look whether the conduit has its keys, whom it trusts, and which certificates end soon."""
    from icsguard.runtime import pki_store, pki_work  # noqa: PLC0415 - certificates are looked into only where a conduit speaks OPC UA

    folder, title = Path(settings.pki), f"{name} certificates"
    names = {settings.own, settings.upstream or settings.own, *(own for _, own in settings.upstream_of)}
    secured = any(mode > 1 for _, mode in (*settings.client_security, settings.server_security))
    for own in sorted(names) if secured and settings.way == "terminate" else ():
        try:
            leaf = pki_store.own(folder, own).leaf
        except pki_store.PkiError as error:
            yield Check(Level.FAIL, title, str(error), f"icsguard pki issue {own} --uri URI --host HOST")
        else:
            yield Check(Level.OK, title, f"{own} is {leaf.uri}, {', '.join(leaf.hosts)}")
    faults = pki_store.load(folder).faults
    if faults:
        yield Check(Level.WARN, title, f"in {folder}: {'; '.join(faults)}", f"icsguard pki list --pki {folder}")
    for one in pki_work.ending(folder, clock.now() + clock.wall_shift()):
        level = Level.WARN if one.level else Level.FAIL
        stem = Path(one.where).stem
        fix = "icsguard pki crl --take FILE" if one.is_list else f"icsguard pki issue {stem} --force"
        yield Check(level, title, pki_work.ending_text(one), fix)


def running_check(pid: int | None) -> Check:
    """Say whether a gateway listens on the control socket."""
    if pid is None:
        return Check(Level.OK, "gateway", "not running now", "icsguard run")
    return Check(Level.OK, "gateway", f"running, process {pid}")


def core_check(core: Core) -> Check:
    """Say which core a gateway started now would run; Python's is as good and slower."""
    if core.is_compiled:
        return Check(Level.OK, "core", f"compiled, in {core.why}")
    stale = "other sources" in core.why or "cannot be read" in core.why
    return Check(Level.WARN if stale else Level.OK, "core", f"Python: {core.why}", "make compiled" if stale else "")


def file_check(config: Path) -> Check:
    """Look whether others may change what the gateway obeys."""
    mode = config.stat().st_mode
    if mode & stat.S_IWOTH:
        return Check(Level.FAIL, "config file", f"{config} may be written by everybody", f"chmod o-w {config}")
    return Check(Level.OK, "config file", f"{config}")


def listen_check(conduit: Conduit, *, running: int | None) -> Check:
    """Look whether the conduit's port is free or ours (`running`: the gateway's pid), and whether we may open it."""
    name, port = f"{conduit.name} listen", conduit.listen_port
    where = f"{conduit.listen_host}:{port}"
    owner = owner_of(port)
    if owner is not None:
        if running is not None and (owner == SOMEBODY or f"(process {running})" in owner):
            return Check(Level.OK, name, f"{where} is open, by the running gateway")
        return Check(Level.FAIL, name, f"{where} is in use by {owner}", f"ss -ltnp 'sport = :{port}'")
    if port < unprivileged_start() and not may_bind_low():
        return Check(
            Level.FAIL,
            name,
            f"{where} is free, but this user may not open ports below {unprivileged_start()}",
            f"systemctl start icsguard.target, or sudo sysctl net.ipv4.ip_unprivileged_port_start={port}",
        )
    return _bindable(name, conduit)


def _bindable(name: str, conduit: Conduit) -> Check:
    where = f"{conduit.listen_host}:{conduit.listen_port}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            conduit.listen_host or None, conduit.listen_port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return Check(Level.FAIL, name, f"{where} cannot be opened: {error.strerror or error}", "ip address show")
    return Check(Level.OK, name, f"{where} is free")


def device_check(conduit: Conduit) -> Check:
    """Open a TCP connection to the device and close it; no Modbus request is sent."""
    name, where = f"{conduit.name} device", f"{conduit.device_host}:{conduit.device_port}"
    seconds = conduit.connect_timeout_ms / 1000
    try:
        socket.create_connection((conduit.device_host, conduit.device_port), seconds).close()
    except TimeoutError:
        return Check(Level.FAIL, name, f"{where} does not answer within {seconds:g} s", f"ping {conduit.device_host}")
    except OSError as error:
        return Check(Level.FAIL, name, f"{where}: {error.strerror or error}", f"nc -vz {where.replace(':', ' ')}")
    return Check(Level.OK, name, f"{where} accepts connections")


def device_left_alone(conduit: Conduit) -> Check:
    """Say that the device was not tried: some accept one connection only, and drop the gateway's for a second one."""
    where = f"{conduit.device_host}:{conduit.device_port}"
    return Check(Level.OK, f"{conduit.name} device", f"{where} is left to the running gateway: icsguard status")


def model_check(conduit: Conduit, models: Path) -> Check:
    """Look whether the conduit has a learned twin."""
    name, folder = f"{conduit.name} twin", models / conduit.name
    try:
        if any(folder.iterdir()):
            return Check(Level.OK, name, f"learned, in {folder}")
    except FileNotFoundError:
        pass
    except OSError as error:
        return Check(Level.WARN, name, f"{folder}: {error.strerror}", f"sudo ls -l {folder}")
    text = "none learned yet: writes are judged by policy alone"
    return Check(Level.WARN, name, text, f"icsguard learn {conduit.name}")


def folder_checks(gateway: GatewaySettings) -> Iterator[Check]:
    """Look whether state and sockets have a place that this user may write and others may not."""
    for name, folder in (("state folder", Path(gateway.state_dir)), ("run folder", Path(gateway.run_dir))):
        yield folder_check(name, folder)


def folder_check(name: str, folder: Path) -> Check:
    """Look at one folder, or at the place where it will be made."""
    there = nearest(folder)
    owner = f'sudo install -d -m 0750 -o "$USER" {folder}'
    if not there.is_dir():
        return Check(Level.FAIL, name, f"{there} is no folder", f"ls -l {there}")
    if not os.access(there, os.W_OK | os.X_OK):
        return Check(Level.FAIL, name, f"{there} may not be written by this user", owner)
    if there == folder and folder.stat().st_mode & stat.S_IWOTH:
        return Check(Level.FAIL, name, f"{folder} may be written by everybody", f"chmod o-w {folder}")
    return Check(Level.OK, name, f"{folder}" if there == folder else f"{folder} will be made")


def nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that exists as far as this user may look."""
    for place in (folder, *folder.absolute().parents):
        with contextlib.suppress(PermissionError):  # of a folder that may not be looked into, itself is the answer
            if place.exists():
                return place
    return Path("/")


def disk_check(recorder: RecorderSettings, gateway: GatewaySettings) -> Check:
    """Compare the free space with what records and journal may take."""
    folder = Path(recorder.path).absolute().parent
    there = nearest(folder)
    free = shutil.disk_usage(there).free
    wanted = recorder.max_bytes * (recorder.keep + 1) + recorder.journal_max_bytes
    text = f"{free // MIB} MiB free for records in {folder}"
    fix = f"df -h {there}; du -xh {gateway.state_dir} | sort -h | tail"
    if free < MIN_FREE:
        return Check(Level.FAIL, "disk", f"{text}, less than {MIN_FREE // MIB}", fix)
    if free < wanted:
        return Check(Level.WARN, "disk", f"{text}, they may take {wanted // MIB} ([recorder] max_bytes, keep)", fix)
    return Check(Level.OK, "disk", text)


def descriptor_check(conduits: Sequence[Conduit]) -> Check:
    """Compare the limit of open files with the connections that the conduits may have."""
    needed = SPARE_DESCRIPTORS + sum(2 * conduit.max_clients for conduit in conduits)
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = f"{limit} open files allowed, {needed} needed at most"
    return (
        Check(Level.OK, "open files", text)
        if limit >= needed
        else Check(Level.FAIL, "open files", text, f"ulimit -n {needed}")
    )


def clock_check(status: Callable[[], int | None] | None = None) -> Check:
    """Ask the kernel whether the clock is synchronised: grants, time windows and evidence depend on it."""
    flags = (status or _clock_status)()
    if flags is None:
        return Check(Level.WARN, "clock", "this system does not say whether it is synchronised", "timedatectl")
    if flags & _STA_UNSYNC:
        text = "not synchronised: times in records, grants and time windows may be wrong"
        return Check(Level.WARN, "clock", text, "sudo timedatectl set-ntp true")
    return Check(Level.OK, "clock", "synchronised")


def syslog_check(syslog: SyslogSettings) -> Check:
    """Open a TCP connection to the log server and close it."""
    where = f"{syslog.host}:{syslog.port}"
    try:
        socket.create_connection((syslog.host, syslog.port), 2.0).close()
    except OSError as error:
        fix = f"nc -vz {syslog.host} {syslog.port}"
        return Check(
            Level.WARN, "syslog", f"{where}: {error.strerror or 'no answer'}; records are kept and sent later", fix
        )
    return Check(Level.OK, "syslog", f"{where} accepts connections")


def _clock_status() -> int | None:
    if sys.platform != "linux":
        return None
    timex = ctypes.create_string_buffer(_TIMEX_SIZE)  # modes = 0: only read
    if ctypes.CDLL(None).adjtimex(timex) < 0:
        return None
    return int.from_bytes(timex.raw[_TIMEX_STATUS : _TIMEX_STATUS + 4], sys.byteorder)
