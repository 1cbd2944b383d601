"""Suricata inline (NFQUEUE) in a network namespace: a guard that sits on packets, with and without its Modbus log.

Client, guard and device share one namespace of their own; its packets to and from the device's port go through the
queue. Suricata drops a forbidden request silently: its client waits for its own timeout.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from typing import Final

from bench.peers.api import Stage, Standing
from bench.process import running, wait_for_text

SPACE: Final = f"icsguard-bench-{os.getpid()}"
CONFIG: Final = """%YAML 1.1
---
vars:
  address-groups: {{HOME_NET: any, EXTERNAL_NET: any}}
  port-groups: {{MODBUS_PORTS: {port}}}
default-log-dir: {folder}
default-rule-path: {folder}
rule-files: [modbus.rules]
classification-file: {folder}/empty
reference-config-file: {folder}/empty
threshold-file: {folder}/empty
logging: {{default-log-level: notice, outputs: [{{console: {{enabled: yes}}}}]}}
stats: {{enabled: no}}
outputs:
  - eve-log: {{enabled: {log}, filetype: regular, filename: eve.json, types: [alert, drop, modbus]}}
app-layer: {{protocols: {{modbus: {{enabled: yes, detection-ports: {{dp: {port}}}, stream-depth: 0}}}}}}
stream: {{inline: yes, checksum-validation: no, reassembly: {{depth: 0}}}}
nfq: {{mode: accept, batchcount: 20, fail-open: no}}
"""
RULES: Final = """
drop modbus any any -> any any (msg:"write registers"; modbus: access write holding, address >59999; sid:1;)
drop modbus any any -> any any (msg:"write coils"; modbus: access write coils, address >59999; sid:2;)
drop modbus any any -> any any (msg:"diagnostics"; modbus: function 8; sid:3;)
drop modbus any any -> any any (msg:"unused function"; modbus: function 90; sid:4;)
drop modbus any any -> any any (msg:"no function"; app-layer-event:modbus.invalid_function_code; sid:5;)
drop modbus any any -> any any (msg:"not modbus"; app-layer-event:modbus.invalid_protocol_id; sid:6;)
"""


class Suricata:
    """One worker thread on one queue."""

    def __init__(self, *, log: bool) -> None:
        self.name = "suricata+log" if log else "suricata"
        self.wrap = ["ip", "netns", "exec", SPACE]
        self._log = log

    def absent(self) -> str:
        """Say what of it is missing."""
        for program, package in (("suricata", "suricata"), ("ip", "iproute2"), ("iptables", "iptables")):
            if shutil.which(program) is None:
                return f"{program} is not installed (Debian package {package}; Suricata 7 is in bookworm-backports)"
        return "" if os.geteuid() == 0 else "needs root for a network namespace"

    def version(self) -> str:
        """Return its version."""
        done = subprocess.run(["suricata", "-V"], capture_output=True, text=True, check=False)
        return done.stdout.split()[4] if len(done.stdout.split()) > 4 else "?"

    @contextlib.contextmanager
    def stand(self, stage: Stage) -> Iterator[Standing]:
        """Start it on a queue of the namespace (see `space`), which must exist."""
        folder = stage.folder
        (folder / "empty").touch()
        (folder / "modbus.rules").write_text(RULES)
        config = folder / "suricata.yaml"
        config.write_text(CONFIG.format(port=stage.device_port, folder=folder, log="yes" if self._log else "no"))
        for side in ("--dport", "--sport"):
            rule = ["-I", "INPUT", "-p", "tcp", side, str(stage.device_port), "-j", "NFQUEUE", "--queue-num", "0"]
            _must([*self.wrap, "iptables", *rule])
        log = folder / "suricata.log"
        engine = ["suricata", "-c", str(config), "-q", "0", "--runmode", "workers", "-k", "none", "-l", str(folder)]
        with running([*self.wrap, *stage.place.data, *engine], log) as process:
            wait_for_text("ngine started", process, log)
            yield Standing(stage.device_port, (process.pid,))


@contextlib.contextmanager
def space(wrap: Sequence[str]) -> Iterator[None]:
    """Have the namespace inside the block, where a contender wants one."""
    if not wrap:
        yield
        return
    _must(["ip", "netns", "add", SPACE])
    try:
        _must(["ip", "-n", SPACE, "link", "set", "lo", "up"])
        yield
    finally:
        _must(["ip", "netns", "delete", SPACE])


def _must(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
