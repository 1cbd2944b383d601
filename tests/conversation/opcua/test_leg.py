"""What both legs share: jobs out and back, bytes that wait meanwhile."""

from icsguard.conversation.opcua.leg import MAX_HELD, Leg
from icsguard.protocols.opcua.channel import Channel, Role
from icsguard.protocols.opcua.chunks import Whole
from icsguard.protocols.opcua.messages_session import GetEndpointsRequest

BOTH = ("Basic256Sha256", 3)


def test_a_job_that_failed_ends_the_connection(world):
    scene = world(BOTH, BOTH)
    peer = scene.connect().hello()
    scene.holds_jobs = True
    peer.open(*BOTH)
    (job,) = peer.jobs
    peer.carry_out(peer.talk.job_done(job.id, None, scene.now))
    assert 0x80130000 == peer.error.code
    assert [] == peer.talk.job_done(job.id, None, scene.now)


def test_a_job_of_a_connection_that_is_gone_is_nobodys(world):
    scene = world(BOTH, BOTH)
    peer = scene.connect().hello()
    scene.holds_jobs = True
    peer.open(*BOTH)
    (job,) = peer.jobs
    peer.carry_out(peer.talk.client_lost(scene.now))
    assert [] == peer.talk.job_done(job.id, job.work.run(), scene.now)
    assert peer.talk.is_over


def test_an_undisturbed_leg_takes_one_chunk_the_short_way(world):
    scene = world()
    peer = scene.connect().start()
    near = peer.talk.near
    assert not near.is_amid
    body = peer.raw(GetEndpointsRequest("x", None, None))
    raw = peer.channel.send(b"MSG", 5, body, scene.now)
    assert Whole(b"MSG", 5, body, None, 1) == near.receive(raw, scene.now)
    assert None is near.receive(raw, scene.now)
    assert "channel-sequence" == near.fatal.code
    assert near.is_amid


def test_a_message_in_pieces_disturbs_a_leg_and_holds_no_more_than_its_bound(world):
    scene = world()
    peer = scene.connect().start()
    raw = peer.channel.send(b"MSG", 5, peer.raw(GetEndpointsRequest("x" * 3000, None, None)), scene.now)
    peer.send(raw[:1000])
    assert peer.talk.near.is_amid
    assert peer.talk.near.unfinished_since == scene.now
    peer.send(raw[1000:])
    assert not peer.talk.near.is_amid
    assert 0 == peer.talk.near.unfinished_since
    assert MAX_HELD < 1_048_576


def test_after_a_fatal_defect_nothing_is_taken():
    class Host:
        def write(self, data):
            raise AssertionError

    leg = Leg(Host(), Channel(Role.SERVER), peer_is_client=True)
    assert [] == leg.feed(b"what is this", 1)
    assert "uacp-type" == leg.fatal.code
    assert [] == leg.feed(b"MSG", 1)
