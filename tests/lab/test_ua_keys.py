import time

from cryptography.hazmat.primitives.serialization import load_pem_private_key

from icsguard.lab.ua_keys import make_keys, uri_of
from icsguard.protocols.opcua.certificates import Certificate, certificate_of


def test_a_certificate_with_its_key_is_what_a_channel_needs(tmp_path):
    make_keys(tmp_path, "hmi")
    found = certificate_of((tmp_path / "hmi.der").read_bytes())
    assert isinstance(found, Certificate)
    assert uri_of("hmi") == found.uri
    assert {"localhost", "127.0.0.1"} == set(found.hosts)
    assert found.is_valid(time.time_ns())  # noqa: TID251 - certificates are dated by the wall clock
    key = load_pem_private_key((tmp_path / "hmi.pem").read_bytes(), None)
    assert found.key == key.public_key()


def test_the_key_is_for_its_owner_alone(tmp_path):
    make_keys(tmp_path, "hmi")
    assert 0o600 == (tmp_path / "hmi.pem").stat().st_mode & 0o777
