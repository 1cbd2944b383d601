import pytest

from icsguard.evaluation import captures, loaded
from icsguard.evaluation.captures import Judged


def test_a_row_says_how_many_it_could_have_been():
    row = Judged("x", benign=1_000, attacks=300).row()
    assert 0.003 == pytest.approx(row["share, 95 % at most"], rel=0.05)
    assert row["95 % interval"].startswith("0.98")


def test_without_attacks_there_is_no_interval():
    assert "" == Judged("x", benign=10).row()["95 % interval"]


def test_a_device_that_asks_is_an_attack():
    is_attack = captures._sent_by({"192.168.1.101"})
    one = type("Asked", (), {"client": "192.168.1.101"})
    assert is_attack(one)


@pytest.mark.slow
def test_a_scan_by_a_field_device_reaches_no_device(recorded_data, monkeypatch):
    monkeypatch.setenv(loaded.VARIABLE, str(recorded_data))
    _, judged = captures.lemay()
    assert judged[0].attacks > 3_000
    assert 0 == judged[0].reached
    assert 0 == judged[0].stopped
    assert 0 < judged[0].alerted <= 0.005 * judged[0].benign


@pytest.mark.slow
def test_brute_force_by_who_operates_switches_a_few_coils_and_is_refused(recorded_data, monkeypatch):
    monkeypatch.setenv(loaded.VARIABLE, str(recorded_data))
    table, _ = captures.lemay()
    made_up = table.rows[-1]
    assert made_up["attack requests"] - 3 * 6 <= made_up["of these stopped"] < made_up["attack requests"]


@pytest.mark.slow
def test_half_a_capture_teaches_most_of_the_other_half(recorded_data, monkeypatch):
    monkeypatch.setenv(loaded.VARIABLE, str(recorded_data))
    _, judged = captures.benign()
    assert judged[0].stopped < 0.02 * judged[0].benign
