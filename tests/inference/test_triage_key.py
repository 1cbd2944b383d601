from icsguard.inference.triage_key import TRIAGE_KEY


def test_the_key_is_one_of_32_bytes():
    assert 32 == len(TRIAGE_KEY)
