import pytest

from icsguard.config.endpoint import checked_endpoint, host_and_port


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("10.1.0.5:502", ("10.1.0.5", 502)),
        ("[fd00::5]:1502", ("fd00::5", 1502)),
        ("plc-7.plant.example:65535", ("plc-7.plant.example", 65535)),
        (" localhost:1 ", ("localhost", 1)),
    ],
)
def test_host_and_port_are_told_apart(text, ends):
    assert ends == host_and_port(text)
    assert text == checked_endpoint(text)


@pytest.mark.parametrize(
    "text",
    ["10.1.0.5", "10.1.0.5:", "10.1.0.5:0", "10.1.0.5:65536", "10.1.0.5:99999999999", ":502", "fd00::5:502",
     "10.1.0.555:502",
     "a b:502", "-x:502", "[10.0.0.1:502", "x..y:502", "10.1:502", "a\n:502", "plc:\u0665"],
)  # fmt: skip
def test_what_is_no_endpoint_is_an_error(text):
    with pytest.raises(ValueError, match=r"port|brackets|no host name"):
        host_and_port(text)
