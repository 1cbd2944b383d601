import pytest
from pydantic import ValidationError

from icsguard.config.schema import ConduitSection, MainFile, SyslogSection
from icsguard.config.settings import (
    Conduit,
    GatewaySettings,
    IsolationSettings,
    RecorderSettings,
    ShadowSettings,
    SyslogSettings,
)

ENDS = {"listen": "0.0.0.0:502", "device": "10.0.0.1:502"}


def test_defaults_are_those_of_the_settings():
    section = ConduitSection(**ENDS)
    plain = Conduit("a", "0.0.0.0", 502, "10.0.0.1", 502)
    for name in ("judge_deadline_ms", "device_timeout_ms", "connect_timeout_ms", "idle_timeout_s", "hold_ttl_s"):
        assert getattr(plain, name) == getattr(section, name)
    for name in ("incomplete_timeout_s", "max_clients", "max_in_flight", "protocol"):
        assert getattr(plain, name) == getattr(section, name)
    assert (plain.mode, plain.downstream, plain.failure) == (section.mode, section.downstream, section.failure)
    assert SyslogSettings("h") == SyslogSettings(**SyslogSection(host="h").model_dump())


@pytest.mark.parametrize(
    ("section", "settings", "other"),
    [
        ("gateway", GatewaySettings(), {"state", "run", "control_socket"}),
        ("recorder", RecorderSettings(), {"path"}),
        ("shadow", ShadowSettings(), {"models"}),
    ],
)
def test_defaults_of_the_rest_are_those_of_the_settings(section, settings, other):
    model = getattr(MainFile(conduit={"a": ENDS}), section)
    for name in type(model).model_fields.keys() - other:
        value = getattr(model, name)
        assert getattr(settings, name) == (tuple(value) if isinstance(value, list) else value)


def test_isolation_has_the_defaults_of_the_settings():
    isolation = ConduitSection(**ENDS).isolation

    assert IsolationSettings() == IsolationSettings(**{**isolation.model_dump(), "never": tuple(isolation.never)})


@pytest.mark.parametrize(
    "wrong", [{"max_clients": "5"}, {"max_clients": True}, {"max_clients": 0}, {"mode": "on"}, {"x": 1}]
)
def test_values_keep_their_type_and_their_bounds(wrong):
    with pytest.raises(ValidationError):
        ConduitSection(**ENDS, **wrong)


def test_every_key_has_a_sentence():
    for model in (ConduitSection, SyslogSection):
        assert all(field.description for name, field in model.model_fields.items() if name != "isolation")
