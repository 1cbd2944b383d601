"""The reference pages and editor schemas, made from the models themselves: `python -m icsguard.config.reference PAGE`.

Pages: `config` and `policy` (docs/reference/*.md), `config-schema` and `policy-schema` (JSON schemas for editors).
A test compares the files with what this module makes, so that they cannot drift apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from icsguard.config import node_reference, policy_schema, schema
from icsguard.config.node_words import EXAMPLES as NODE_EXAMPLES
from icsguard.config.opcua_section import ConduitOpcuaSection
from icsguard.config.points_csv import COLUMNS, REQUIRED
from icsguard.config.request_words import EXAMPLES
from icsguard.policy.codes import CODES
from icsguard.policy.rules import Service
from icsguard.policy.words import services_text
from icsguard.protocols.modbus.functions import PRESETS
from icsguard.protocols.modbus.quirks import QUIRKS

CONFIG_HEAD: Final = """# icsguard.toml

Made by `python -m icsguard.config.reference config > docs/reference/config.md`; do not edit by hand.

Paths are relative to the file's own folder. Every key has a default but `listen` and `device`. Unknown keys are errors;
`icsguard config check` shows all errors at once, each with file, line and hint. For completion in an editor put
`#:schema PATH` on the first line, with the path of icsguard.schema.json (beside this page).

```toml
[gateway]
state = "/var/lib/icsguard"

[conduit.plc1]
listen = "0.0.0.0:502"
device = "10.1.0.5:502"
mode = "learn"
policy = "plc1.policy.toml"
points = "plc1.points.csv"
```
"""
POLICY_HEAD: Final = """# Policies and point lists

Made by `python -m icsguard.config.reference policy > docs/reference/policy.md`; do not edit by hand.

## How a request is judged

1. **Nothing is permitted that no rule permits.** A client in no group, a unit that neither a point nor a rule names, a
   function that no rule gives, an address that no rule reaches: refused.
2. **Rules add up.** Every element of a request must be reached by some rule; several rules may share the work. Their
   order does not matter: two rules that say different things of the same request are an error of `policy check`.
3. **Without `ranges` and `points` a rule reads every address and writes every declared point.** To write bare
   addresses, name them. Functions 8 and 43 are named with their sub-function; no preset holds private functions or 8/4.
4. **Limits belong to the point and hold for every way of writing it**: functions 5, 6, 15, 16, 22 (by its effect; on a
   register whose value is not known by all its possible effects), 23, other unit identifiers of the same device, coils
   that are bits of a register. Half of a value of several registers, and NaN or infinity, are refused. A limit value
   itself passes. `min` and `max` of a rule come on top: engineering units on points, raw numbers elsewhere.
5. **Step, rate of change and bit masks need the present value.** It is what the device last said; unknown or older than
   `max_age`, the write is refused (`[defaults] on_unknown = "limits_only"` for points that nobody reads).
6. **A grant** gives a client more for a while: it outranks deny rules, never the limits of points, and it ends by the
   wall clock or after `max_uses`.
7. **Safety points** (`kind = safety`): who may write which value still rules; hours, rates, intervals, steps and holds
   only alert, and no detector can stop a permitted write.
8. **States.** `state` of a rule says how far its breaches are acted on: `observe` records what would be, `alert` passes
   with an alert, `enforce` refuses. It covers the limits of the points that are written under the rule. `off`: the rule
   is not there. The state of the default deny stands in `[defaults]`.
9. **Units.** On `downstream = "tcp"` units 0 and 255 are the same. On `serial` unit 0 is a broadcast: only a rule that
   names unit 0 permits it, and the limits of all units hold.
10. **Rates** are buckets: `10/s` is up to 10 at once, filled again in a second, for each rule and client address.

```toml
[clients]
hmi = ["10.0.0.21", "10.1.0.0/24"]

[[rule]]
id = "watch"
clients = ["hmi"]
units = [1]
preset = "monitoring"

[[rule]]
id = "pump"
clients = ["hmi"]
units = [1]
functions = [6, 16]
points = ["pump_speed"]
rate = "6/min"
hours = "Mon-Fri 06:00-18:00"

[[grant]]
id = "commissioning"
client = "10.0.5.5"
points = ["pump_speed"]
until = "2026-11-21T18:00:00Z"
reason = "new pump, ticket 4711"
```
"""
POINTS_HEAD: Final = """## Point lists

CSV; the first line names the columns, in any order. Separated by commas, or by semicolons if the first line is. Lines
that begin with `#` are left out.

```csv
name,unit_id,table,address,type,order,scale,unit,min,max,max_step,kind
pump_speed,1,holding,12,u16,,0.1,rpm,0,80,5,
tank_level,1,input,0,f32,CDAB,,m,,,,
emergency_stop,1,coil,3,,,,,,,,safety
```
"""
CASES_HEAD: Final = """## Policy tests

`icsguard policy test` runs cases through the real codec and the real judge.

```toml
[[case]]
name = "too fast"
client = "10.0.0.21"
request = "write pump_speed = 80.1"
expect = "refuse"
reason = "value-above-max"
```

Requests in words:
"""
Row = Sequence[str]


def config_page() -> str:
    """Return docs/reference/config.md."""
    parts = [CONFIG_HEAD]
    for title, model in (
        ("[gateway]", schema.GatewaySection),
        ("[conduit.NAME]", schema.ConduitSection),
        ("[conduit.NAME.isolation]", schema.IsolationSection),
        ("[conduit.NAME.opcua]", ConduitOpcuaSection),
        ("[recorder]", schema.RecorderSection),
        ("[recorder.syslog]", schema.SyslogSection),
        ("[shadow]", schema.ShadowSection),
    ):
        parts.append(f"## `{title}`\n\n{_plain(model)}\n\n{_keys(model)}")
    parts.append(f"## Quirks\n\n{_table(('quirk', 'what it relaxes'), [(f'`{k}`', v) for k, v in QUIRKS.items()])}")
    return "\n".join(parts)


def policy_page() -> str:
    """Return docs/reference/policy.md."""
    parts = [POLICY_HEAD]
    for title, model in (
        ("top of the file", policy_schema.PolicyFile),
        ("[defaults]", policy_schema.DefaultsSection),
        ("[[rule]]", policy_schema.RuleSection),
        ("[[grant]]", policy_schema.GrantSection),
    ):
        parts.append(f"## `{title}`\n\n{_plain(model)}\n\n{_keys(model)}")
    presets = [(name, services_text(tuple(Service(*s) for s in found))) for name, found in PRESETS.items()]
    parts.append(f"## Presets\n\n{_table(('preset', 'functions'), presets)}")
    columns = [(f"`{name}`" + (" *" if name in REQUIRED else ""), text) for name, text in COLUMNS.items()]
    parts.append(f"{POINTS_HEAD}\n{_table(('column (* needed)', 'meaning'), columns)}")
    codes = [(f"`{code}`", f"{reply:02d}" if reply else "", text) for code, (reply, text) in CODES.items()]
    parts.append(f"## Reasons\n\n{_table(('code', 'usual answer', 'meaning'), codes)}")
    parts += _nodes()
    words = "\n".join(f"- `{example}`" for example in (*EXAMPLES, *(f"node: {one}" for one in NODE_EXAMPLES)))
    parts.append(f"{CASES_HEAD}\n{words}\n\n{_keys(policy_schema.CaseSection)}")
    return "\n".join(parts)


def _nodes() -> list[str]:
    parts = [node_reference.HEAD]
    parts += [f"### `{title}`\n\n{_plain(model)}\n\n{_keys(model)}" for title, model in node_reference.SECTIONS]
    parts.append(f"### Services\n\n{_table(('which', 'services'), node_reference.services_rows())}")
    parts.append(f"### Reasons on nodes\n\n{_table(('code', 'usual answer', 'meaning'), node_reference.codes_rows())}")
    return parts


def json_schema(model: type[BaseModel], title: str) -> str:
    """Return a JSON schema for editors."""
    found = model.model_json_schema()
    found = {"$schema": "https://json-schema.org/draft/2020-12/schema", **found, "title": title}
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


PAGES: Final[dict[str, Callable[[], str]]] = {
    "config": config_page,
    "policy": policy_page,
    "config-schema": lambda: json_schema(schema.MainFile, "icsguard.toml"),
    "policy-schema": lambda: json_schema(policy_schema.PolicyFile, "icsguard policy"),
}
FILES: Final = {
    "config": "config.md",
    "policy": "policy.md",
    "config-schema": "icsguard.schema.json",
    "policy-schema": "policy.schema.json",
}
"""Where each page lives, in docs/reference."""


def main(arguments: Sequence[str]) -> int:
    """Write one page to standard output; return the exit status."""
    if len(arguments) != 1 or arguments[0] not in PAGES:
        sys.stderr.write(f"usage: python -m icsguard.config.reference {'|'.join(PAGES)}\n")
        return 2
    sys.stdout.write(PAGES[arguments[0]]())
    return 0


def _plain(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().split("\n", maxsplit=1)[0]


def _keys(model: type[BaseModel]) -> str:
    return _table(("key", "default", "meaning"), list(_rows(model)))


def _rows(model: type[BaseModel]) -> Iterator[Row]:
    properties = model.model_json_schema().get("properties", {})
    for name, field in model.model_fields.items():
        if field.description is None:
            continue
        choices = _choices(properties.get(name, {}))
        yield f"`{name}`", _default(field), field.description + (f" {choices}" if choices else "")


def _choices(shape: dict[str, object]) -> str:
    options = shape.get("enum")
    if isinstance(options, list):
        return "One of " + ", ".join(f"`{option}`" for option in options if option != "") + "."
    low = shape.get("minimum", shape.get("exclusiveMinimum"))
    high = shape.get("maximum")
    if low is None and high is None:
        return ""
    return f"({_number(low)} to {_number(high)})" if high is not None else f"(at least {_number(low)})"


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value}"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "needed"
    value = field.default
    if value is None or (isinstance(value, str | list | dict) and not value):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table(head: Row, rows: Sequence[Row]) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
