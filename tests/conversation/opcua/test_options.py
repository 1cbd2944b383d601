"""What configuration gives is what a conversation asks for."""

from icsguard.config.settings import UaSettings
from icsguard.conversation.opcua.options import Legs, UaOptions


def test_the_settings_of_a_conduit_are_its_options():
    asked = {name for name in vars(UaOptions) if not name.startswith("_")}
    assert asked <= set(UaSettings.__dataclass_fields__)


def test_without_keys_only_the_clear_is_spoken():
    assert None is Legs().ours is Legs().upstream
    assert b"" == Legs().device_certificate
