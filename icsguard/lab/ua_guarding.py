"""icsguard as `icsguard demo --opcua` runs it: the usual supervisor, with a conduit that terminates OPC UA.

The gateway gets a certificate, trusts the operators' and the server's, and nobody else's. The policy is written out
here: it says what operators do, node by node.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from icsguard.lab.attacks.scene import HMI
from icsguard.lab.guarding import CONDUIT, POINTS_FILE, Guarding
from icsguard.lab.ua_cell import CELL, LAMP_TEST, NAMESPACE, NODES, PATH, WRITTEN
from icsguard.lab.ua_keys import uri_of

_FOLDERS: Final = ("own", "trusted", "issuers", "rejected")


class UaGuarding(Guarding):
    """One running icsguard before an OPC UA server."""

    def __init__(self, folder: Path, device_port: int, keys: Path) -> None:
        self.pki = folder / "pki"
        super().__init__(folder, device_port)
        (folder / POINTS_FILE).write_text(points_csv(), encoding="utf-8")
        self.policy.write_text(policy(), encoding="utf-8")
        self._trust(keys)

    def _config_text(self) -> str:
        return (
            f"{self._beginning()}"
            'protocol = "opcua"\n'
            'mode = "enforce"\n'
            f'policy = "{self.policy.name}"\n'
            f"[conduit.{CONDUIT}.opcua]\n"
            f'pki = "{self.pki}"\n'
            'client_security = ["Basic256Sha256/SignAndEncrypt", "None"]\n'
            'server_security = "Basic256Sha256/SignAndEncrypt"\n'
            f'device_url = "opc.tcp://127.0.0.1:{self._device_port}{PATH}"\n'
        )

    def _trust(self, keys: Path) -> None:
        for name in _FOLDERS:
            (self.pki / name).mkdir(mode=0o700, parents=True)
        for source, target in (
            ("gateway.der", "own/gateway.der"),
            ("gateway.pem", "own/gateway.pem"),
            ("server.der", "trusted/server.der"),
            ("hmi.der", "trusted/hmi.der"),
        ):
            shutil.copy(keys / source, self.pki / target)
        (self.pki / "own" / "gateway.pem").chmod(0o600)


def points_csv() -> str:
    """Return the cell's points by node, with the limits of what operators write."""
    lines = ["name,node,min,max"]
    for node in NODES:
        low, high = ("", "") if node.low is None or node.is_switch else (f"{node.low:g}", f"{node.high:g}")
        lines.append(f"{node.name},{node.node},{low},{high}")
    return "\n".join(lines) + "\n"


def policy() -> str:
    """Return the policy: operators look at everything, write what operators write, and test the lamps."""
    points = ", ".join(f'"{node.name}"' for node in WRITTEN)
    return f"""[clients]
station = ["{HMI}"]

[opcua]
security = "SignAndEncrypt"
anonymous = true  # of a station whose certificate is known
[opcua.namespaces]
cell = "{NAMESPACE}"
[opcua.identities.operators]
clients = ["station"]
applications = ["{uri_of("hmi")}"]

[[opcua.rule]]
id = "look"
clients = ["operators"]
preset = "monitoring"

[[opcua.rule]]
id = "operate"
clients = ["operators"]
services = ["Write"]
points = [{points}]

[[opcua.rule]]
id = "lamps"
clients = ["operators"]
services = ["Call"]
methods = ["cell:s={LAMP_TEST}"]
objects = ["cell:s={CELL}"]
"""
