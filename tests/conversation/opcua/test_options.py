"""What configuration gives is what a conversation asks for."""

from icsguard.config.settings import UaSettings
from icsguard.conversation.opcua.options import Legs, UaOptions
from icsguard.protocols.opcua.certificates import certificate_of


def test_the_settings_of_a_conduit_are_its_options():
    asked = {name for name in vars(UaOptions) if not name.startswith("_")}
    assert asked <= set(UaSettings.__dataclass_fields__)


def test_without_keys_only_the_clear_is_spoken():
    assert None is Legs().ours is Legs().upstream
    assert b"" == Legs().device_certificate


def test_a_client_may_have_a_certificate_of_its_own_towards_the_device(world, ids):
    from dataclasses import replace

    both = ("Basic256Sha256", 3)
    for key in ("urn:client", certificate_of(ids["client"].certificate).pin):
        scene = world(both, both)
        own = ((key, ids["stranger"], "urn:stranger"),)
        scene.guard.legs = replace(scene.guard.legs, upstream_of=own)
        peer = scene.connect().start(*both, user="operator")
        assert "urn:stranger" == peer.end.channel.peer.uri
        assert "urn:stranger" == scene.device.sessions[peer.token]["asked"].client.uri
        assert peer.read("P1").body
        legs = scene.guard.legs
        assert (ids["gateway"], "urn:gateway") == legs.towards(None)
        assert (ids["gateway"], "urn:gateway") == legs.towards(certificate_of(ids["device"].certificate))
