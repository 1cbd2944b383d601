from dataclasses import replace

import pytest

from icsguard.control.replies import Done
from icsguard.control.requests import Isolate, Release, SetMode
from icsguard.core.decision import Decision, Mode
from icsguard.core.isolation import Scope
from icsguard.protocols.opcua.certificates import certificate_of
from icsguard.protocols.opcua.trust import Trust
from icsguard.runtime.facade import Facade
from icsguard.runtime.facade_views import Rates, conduit_line
from icsguard.runtime.opcua_listener import Doorman
from icsguard.runtime.site import SiteError
from icsguard.runtime.state_file import KeptState


async def test_a_read_goes_through_two_channels(ua_site):
    scene = await ua_site()
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 20)
    assert (0, 1) == (reader.errors, len(scene.guard.sessions))
    (session,) = scene.guard.sessions.values()
    assert session.requests > 20
    assert session.device_is_up


async def test_a_certificate_that_is_taken_away_loses_its_channel_and_is_on_record(ua_site):
    scene = await ua_site()
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 5)
    (scene.pki / "trusted" / "client.der").unlink()
    await scene.until(lambda: reader.errors)
    assert any("trust list" in record.text for record in scene.site.run.recent)
    with pytest.raises(ConnectionError):
        await scene.reader()
    (scene.pki / "trusted" / "client.der").write_bytes((scene.keys / "client.der").read_bytes())
    await scene.until(lambda: sum("trust list" in record.text for record in scene.site.run.recent) > 1)
    again = await scene.reader()
    assert again.ready.done()


async def test_what_nobody_trusts_is_kept_for_the_operator_to_look_at(ua_site):
    scene = await ua_site(trusted=())
    with pytest.raises(ConnectionError):
        await scene.reader()
    await scene.until(lambda: list((scene.pki / "rejected").glob("*.seen")))


@pytest.mark.parametrize("missing", ["gateway.pem", "gateway.der"])
async def test_a_missing_key_is_told_with_the_command_that_makes_it(ua_site, missing):
    with pytest.raises(SiteError, match="icsguard pki issue gateway"):
        await ua_site(without=missing)


async def test_a_key_that_others_may_read_is_refused(ua_site):
    with pytest.raises(SiteError, match="chmod 600"):
        await ua_site(key_mode=0o644)


async def test_without_security_no_keys_are_needed(ua_site):
    scene = await ua_site(security="None", without="gateway.pem")
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 5)
    assert 0 == reader.errors


async def test_a_reload_takes_the_new_rules_into_use_on_live_sessions(ua_site):
    scene = await ua_site()
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 5)
    await scene.take(rules=())
    await scene.until(lambda: reader.errors > 3)
    refused = [record for record in scene.site.run.recent if record.decision == Decision.REFUSE.name.lower()]
    assert refused
    assert KeptState() == scene.site.kept.saved


async def test_a_reload_leaves_keys_and_security_as_they_are(ua_site):
    scene = await ua_site()
    settings = scene.site.settings
    (conduit,) = settings.conduits
    before = conduit.opcua
    none = ("http://opcfoundation.org/UA/SecurityPolicy#None", 1)
    other = replace(before, client_security=(none,), server_security=none, own="nobody", on_mixed="refuse_all")
    await scene.site._take(replace(settings, conduits=(replace(conduit, opcua=other),)))
    assert replace(before, on_mixed="refuse_all") == scene.guard.options
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 2)


async def test_another_protocol_waits_for_a_restart_and_clients_go_on(ua_site):
    scene = await ua_site()
    settings = scene.site.settings
    (conduit,) = settings.conduits
    scene.site.settings = replace(settings, conduits=(replace(conduit, protocol="modbus", opcua=None),))
    await scene.site._take(scene.site.settings)
    await scene.site.regrant("ua")
    assert conduit == scene.listener.conduit
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 2)


async def test_the_status_says_what_stands_between_the_channels(ua_site):
    scene = await ua_site()
    line = conduit_line(scene.listener, Rates(), {}, scene.site.clock.now())
    both = "Basic256Sha256 SignAndEncrypt"
    expected = f"channels end here: {both} to clients, {both} to the server"
    assert (expected, 1, "opcua") == (line.links, line.rules, line.protocol)


async def test_the_status_says_where_contents_are_not_inspected(ua_site):
    scene = await ua_site(way="passthrough", on_deny="cut")
    reader = await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 5 or reader.errors)
    line = conduit_line(scene.listener, Rates(), {}, scene.site.clock.now())
    assert "contents not inspected on 1 of 1" in line.links
    assert 0 == reader.errors


async def test_operators_change_the_mode_isolate_and_release_as_elsewhere(ua_site):
    scene = await ua_site()
    facade, reader = Facade(scene.site), await scene.reader()
    reader.begin()
    await scene.until(lambda: reader.answers > 5)
    for mode in (Mode.OBSERVE, Mode.ENFORCE):
        assert isinstance(await facade.handle(SetMode(conduit="ua", mode=mode, reason="test"), "anna"), Done)
        assert mode is scene.guard.mode
    done = await facade.handle(Isolate(client="127.0.0.1", scope=Scope.FULL, seconds=60, reason="test"), "anna")
    assert isinstance(done, Done)
    await scene.until(lambda: reader.errors)
    with pytest.raises((ConnectionError, TimeoutError)):
        await scene.reader()
    await facade.handle(Release(client="127.0.0.1", reason="test"), "anna")
    again = await scene.reader()
    assert again.ready.done()


async def test_a_client_may_have_a_certificate_of_its_own_towards_the_server(ua_site):
    scene = await ua_site(upstream_of=(("urn:example:client", "client"),), own_too=("client",))
    reader = await scene.reader()
    assert reader.ready.done()
    assert {"urn:example:client"} == {certificate_of(one._channel.peer.der).uri for one in scene.accepted[-1:]}


async def test_a_missing_certificate_of_a_client_is_told_at_the_start(ua_site):
    with pytest.raises(SiteError, match="icsguard pki issue client"):
        await ua_site(upstream_of=(("urn:example:client", "client"),))


def test_a_doorman_of_nobody_is_empty():
    assert Doorman(Trust.of(), print).is_empty
    assert not Doorman(Trust.of(server_pin="00"), print).is_empty
