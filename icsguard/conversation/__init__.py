"""One client session and one device link as state machines: bytes in, bytes out, with holds, refusals and deadlines.

The place where frames of ``protocols`` meet the decisions of ``policy`` and of the shadow. Pure: ``runtime`` owns the
sockets and the clock and carries out the commands returned here.
"""
