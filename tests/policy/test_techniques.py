import re
import tomllib
from pathlib import Path

import pytest

from icsguard.policy import techniques
from icsguard.protocols.modbus import build

ROOT = Path(__file__).parents[2]


def test_every_technique_that_policy_and_packs_name_is_in_the_table():
    rules = ROOT / "rules"
    known = {row["id"] for row in tomllib.loads((rules / "attack-ics.toml").read_text())["technique"]}
    sources = [*(ROOT / "icsguard" / "policy").glob("*.py"), *rules.glob("modbus-*.toml")]
    named = {found for file in sources for found in re.findall(r"\bT0\d{3}\b", file.read_text())}

    assert named
    assert set() == named - known


@pytest.mark.parametrize(
    ("pdu", "technique"),
    [
        (build.diagnostic(4), "T0814"),
        (build.diagnostic(10), "T0855"),
        (build.identification(), "T0888"),
        (build.private(90, b"\0"), "T0843"),
        (build.write_register(0, 0), "T0855"),
        (build.read(3, 0, 1), "T0861"),
    ],
)
def test_a_service_tells_what_is_tried(plant, pdu, technique):
    assert technique == techniques.of_service(plant.meaning(pdu))
