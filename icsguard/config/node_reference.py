"""The part of the policy's reference page that is about nodes; `reference` puts the pages together."""

from __future__ import annotations

from typing import Final

from icsguard.config import node_schema
from icsguard.policy.nodes.codes import CODES
from icsguard.policy.nodes.services import ALWAYS, NAMED_ONLY, NEVER, PRESETS, service_name
from icsguard.protocols.opcua.status import status_name

SECTIONS: Final = (
    ("[opcua]", node_schema.OpcuaSection),
    ("[opcua.limits]", node_schema.LimitsSection),
    ("[opcua.identities.NAME]", node_schema.IdentitySection),
    ("[[opcua.rule]]", node_schema.NodeRuleSection),
    ("arguments of [[opcua.rule]]", node_schema.ArgumentSection),
    ("sets of [[opcua.rule]]", node_schema.SetsSection),
)
HEAD: Final = """## OPC UA

Where a conduit speaks OPC UA, the same file holds rules on nodes under `[opcua]`. Client groups, grants, defaults and
points are those above; a point with a `node` has one set of limits, whichever way it is written.

1. **Nothing is permitted that no rule permits**: no service, node, attribute or method. Discovery and the services that
   open a session need no rule; who is admitted stands in `[opcua]` and in identities.
2. **Nodes are named by namespace URI**, `nsu=urn:plant;s=Pump.Speed`, never by index: an index holds for one run of the
   server. Aliases of RegisterNodes are judged as the nodes that they stand for. A node whose URI is not known is never
   written or called; where a deny rule names nodes, it is not read either.
3. **Every item of a request has its own verdict**: in a Write of fifty, one forbidden node is refused and forty-nine
   pass (`on_mixed = "split"`). Hours and rates count once for the request. A held item holds the whole request.
4. **Without `nodes`, `subtrees` and `points` a rule reads every node and writes every declared point.** Methods are
   named one by one, always. Only attribute 13 (Value) is written unless `attributes` says more; parts of arrays, status
   and time, and structures need a word of their own.
5. **`Pump.*` is a beginning of the identifier's text**; servers that take several spellings for one node (letter case,
   path tricks) are safe only with exact names. `subtrees` reach what Browse answers have shown below the root: what
   nobody has browsed stays shut, so a deny rule cannot name one.
6. **Values**: `min` and `max` are compared in the type that was sent; NaN, a Boolean or a text is no number. The limits
   of points come on top: type (`node_type`), range, allowed values, bits, step, rate, interval.
7. **Whoever may read may see the server's own description**: its status, namespaces and limits, and the names of
   standard nodes; not its diagnostics.
8. **A method moves points that only its server knows.** Where `sets` declares them, the limits of those points hold on
   the arguments, and the twin tries a call like a write before it is delivered; a method does one thing, so what one
   rule declares holds for every caller. Of undeclared methods limits and twin know nothing.
9. **What is above `[opcua.limits]` is refused.** Too short intervals and too long queues are brought within the limits
   where channels end at the gateway (`terminate`): the server's revised values tell the client. Passed-through ones are
   refused.

```toml
[opcua]
security = "SignAndEncrypt"

[opcua.namespaces]
plant = "urn:plant"

[opcua.identities.operators]
clients = ["hmi"]
applications = ["urn:plant:scada"]
users = ["anna", "ben"]

[[opcua.rule]]
id = "ua-watch"
clients = ["operators"]
preset = "monitoring"

[[opcua.rule]]
id = "ua-pump"
clients = ["operators"]
services = ["Write", "Call"]
nodes = ["plant:s=Pump1.*"]
methods = ["plant:s=Pump1/Start"]
objects = ["plant:s=Pump1"]
arguments = [{ place = 0, min = 0, max = 80, type = "Double" }]
sets = [{ point = "pump_speed", argument = 0 }, { point = "pump_run", value = 1 }]
```
"""


def services_rows() -> list[tuple[str, str]]:
    """Return which services need what, as rows of two cells."""
    rows = [(f"preset `{name}`", _names(found)) for name, found in PRESETS.items()]
    rows.append(("no rule needed", _names(ALWAYS)))
    rows.append(("in no preset: a rule must name it", _names(NAMED_ONLY)))
    rows.append(("never permitted", _names(NEVER)))
    return rows


def codes_rows() -> list[tuple[str, str, str]]:
    """Return every reason with its usual StatusCode and its meaning."""
    return [(f"`{code}`", status_name(reply) if reply else "", text) for code, (reply, text) in CODES.items()]


def _names(numbers: frozenset[int]) -> str:
    return ", ".join(sorted(map(service_name, numbers)))
