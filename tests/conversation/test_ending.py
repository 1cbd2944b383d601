import pytest

from icsguard.core.clock import MS

WRITE = "0001 0000 0006 11 06 0064 0064"
SECRET = "0001 0000 0006 11 06 0082 1234"


def only(scene):
    (record,) = scene.records()
    return record


def test_a_record_says_all_that_is_known(scene):
    scene.play("client 0007 0000 0006 11 06 0064 FFFF")
    record = scene.guard.run.recent[-1]
    assert ("verdict", "refuse", "policy", 3) == (record.kind, record.decision, record.layer, record.reply)
    assert ("10.0.0.21", 1, 1, 17, 6) == (record.client, record.flow, record.transaction, record.unit, record.function)
    assert "holding 100 (40101)" == record.target
    assert "0007000000061106" in record.request
    assert "" == record.response
    assert ("policy", "enforce", "refused") == (record.policy_digest, record.mode, record.outcome)
    assert 4000 == record.facts["client_port"]
    assert record.text.startswith("refused: write holding register 100 (40101) = 65535, unit 17; ")


def test_a_secret_value_is_in_no_field(scene):
    scene.play("operator isolate 10.0.0.21 writes")
    scene.play(f"client {SECRET}")
    record = scene.guard.run.recent[-1]
    assert ("", "") == (record.request, record.response)
    assert str(0x1234) not in repr(record)
    assert "1234" not in repr(record)


def test_a_transaction_that_went_well_leaves_no_record(scene):
    scene.play(f"client {WRITE}")
    scene.play("judged 1 allow")
    scene.play("link up")
    scene.play(f"device {WRITE}")
    assert [] == list(scene.guard.run.recent)
    (row,) = scene.guard.run.mirror
    assert (1, "plc1", 1, "10.0.0.21") == row[:4]
    assert bytes.fromhex(WRITE) == row[6] == row[7]


def test_time_to_the_decision_is_on_record(scene):
    scene.play(f"client {WRITE}")
    scene.now += 3 * MS
    scene.play("judged 1 refuse unsafe")
    assert 3000 == scene.guard.run.recent[-1].latency_us


@pytest.mark.parametrize(
    ("event", "field", "count"),
    [
        ("client 0001 0000 0006 11 06 0064 FFFF", "refused", 1),
        ("client 0001 0000 0006 11 06 0096 0001", "held", 1),
        ("client 0001 0000 0002 11 00", "malformed", 1),
        ("client 0001 BEEF 0006 11 03 0000 0001", "malformed", 1),
        ("device 0001 0000 0005 11 03 02 0007", "device_faults", 1),
    ],
)
def test_what_happened_is_counted(scene, event, field, count):
    scene.play("client 0009 0000 0006 11 03 0000 0001")
    scene.play("link up")
    scene.play(event)
    assert count == getattr(scene.guard.counters, field)


def test_a_failover_record_names_the_policy_that_decided(make_scene):
    scene = make_scene()
    scene.connect()
    scene.play(f"client {WRITE}")
    scene.play("link up")
    scene.play(f"device {WRITE}")
    record = scene.guard.run.recent[-1]
    assert ("failover", "policy_alone", "failover") == (record.kind, record.failure_policy, record.layer)


def test_a_ticket_knows_the_record_that_explains_it(scene):
    scene.play("client 0001 0000 0006 11 06 0096 0001")
    assert scene.guard.run.recent[-1].id == scene.guard.tickets.find("t1").record


def test_an_unknown_outcome_is_grave(make_scene):
    scene = make_scene()
    scene.connect()
    scene.play(f"client {WRITE}")
    scene.play("link up")
    scene.play("link lost")
    assert "high" == scene.guard.run.recent[-1].severity
    assert "the write may have happened" in scene.guard.run.recent[-1].text


def test_an_isolating_opinion_is_a_high_record_and_a_wish(scene):
    scene.play(f"client {WRITE}")
    said = scene.play("judged 1 isolate attack")
    assert "< client 0001 0000 0003 11 8603" in said
    assert "! record isolation not isolated" in said
