"""The one command that only OPC UA has."""

from icsguard.conversation.opcua.api import Job
from icsguard.conversation.opcua.credentials import Resign


def test_a_job_carries_its_work_and_a_number(world):
    scene = world(("Basic256Sha256", 3), ("None", 1))
    scene.holds_jobs = True
    peer = scene.connect().hello().open("Basic256Sha256", 3)
    (job,) = peer.jobs
    assert isinstance(job, Job)
    assert job.work.run() is not None
    assert Job(1, Resign(None, None)).work.is_light
