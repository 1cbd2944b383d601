"""The JSON Schema of a record's line, built from the noun itself so that the two cannot drift apart.

`python -m icsguard.evidence.schema` prints it; docs/reference/records.schema.json keeps it, a test compares.
"""

from __future__ import annotations

from typing import Final

import msgspec

from icsguard.core.decision import Decision
from icsguard.core.record import SCHEMA, Record
from icsguard.evidence.record_json import ALWAYS, Json

_EXTRA: Final[dict[str, Json]] = {
    "schema": {"const": SCHEMA, "description": "Shape and major version of the line."},
    "seq": {"type": "integer", "minimum": 0, "description": "Number of the line in its series of files; no holes."},
    "time": {
        "type": "string",
        "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$",
        "description": "Wall clock at the event, UTC.",
    },
    "at_ns": {"type": "integer", "description": "Steady clock at the event: never steps, starts at the wall clock."},
    "host": {"type": "string", "description": "Name of the gateway."},
    "cut": {"const": True, "description": "Present where parts were left out because the record was too large."},
}


def schema() -> dict[str, Json]:
    """Return the schema (JSON Schema draft 2020-12) of one line."""
    (_, definitions) = msgspec.json.schema_components([Record], ref_template="#/$defs/{name}")
    nouns: dict[str, Json] = dict(definitions)
    record = nouns.pop("Record")
    decisions: Json = [decision.name.lower() for decision in Decision]
    nouns["Decision"] = {"enum": decisions}
    properties = _part(record, "properties")
    inner = {name: rule for name, rule in properties.items() if name != "at"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A line of icsguard's records, {SCHEMA}",
        "description": "Fields that do not apply are left out. Readers ignore fields that they do not know.",
        "type": "object",
        "properties": _ordered({**_EXTRA, **inner}),
        "required": list(ALWAYS),
        "additionalProperties": False,
        "$defs": nouns,
    }


def _part(value: Json, name: str) -> dict[str, Json]:
    part = value[name] if isinstance(value, dict) else None
    if not isinstance(part, dict):
        raise TypeError(f"msgspec describes Record without {name}")
    return part


def _ordered(properties: dict[str, Json]) -> dict[str, Json]:
    """Return the properties in the order in which a line has them."""
    first: dict[str, Json] = {name: properties[name] for name in ALWAYS if name in _EXTRA or name == "id"}
    return {**first, **{name: rule for name, rule in properties.items() if name not in first}}


def text() -> str:
    """Return the schema as the file that docs/reference keeps."""
    return msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode() + "\n"


if __name__ == "__main__":
    print(text(), end="")  # noqa: T201 - printing is what running this module is for
