from icsguard.config.node_reference import codes_rows, services_rows
from icsguard.policy.nodes.codes import CODES
from icsguard.protocols.opcua.services import SERVICES


def test_every_service_stands_on_the_page():
    told = {name for _, names in services_rows() for name in names.split(", ")}
    assert {law.name for law in SERVICES.values()} == told


def test_every_reason_stands_on_the_page_with_its_status():
    rows = {code.strip("`"): reply for code, reply, _ in codes_rows()}
    assert set(CODES) == set(rows)
    assert "0x801F0000 BadUserAccessDenied" == rows["node-not-permitted"]
