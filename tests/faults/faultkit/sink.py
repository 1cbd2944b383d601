"""A syslog server that takes RFC 5424 over TCP with octet counting, and can be told to misbehave."""

import re
import socket
import struct
import threading

from faultkit.wire import LOOPBACK

ID = re.compile(rb' id="([^"]+)"')


class Sink:
    """The server. `up`, `down`; `mode` is `take`, `deaf` (accepts, never reads) or `reset-after` so many bytes."""

    def __init__(self):
        with socket.create_server((LOOPBACK, 0)) as probe:
            self.port = probe.getsockname()[1]
        self.messages = []
        self.cut = 0
        self.connections = 0
        self.mode, self.reset_after = "take", 0
        self._listener = None
        self._open = []
        self._threads = []

    def up(self):
        """Listen."""
        self._listener = socket.create_server((LOOPBACK, self.port))
        self._start(self._accept, self._listener)

    def down(self):
        """Close everything."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for one in self._open:
            _reset(one)
        self._open.clear()

    def close(self):
        """End, with all threads."""
        self.down()
        for thread in self._threads:
            thread.join(5)

    def _start(self, target, *arguments):
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener):
        while True:
            try:
                one, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(one)
            if self.mode != "deaf":
                self._start(self._take, one)

    def _take(self, one):
        held = b""
        left = self.reset_after if self.mode == "reset" else None
        while True:
            try:
                data = one.recv(65536 if left is None else min(left, 65536))
            except OSError:
                break
            if not data:
                break
            held = self._messages_of(held + data)
            if left is not None and (left := left - len(data)) <= 0:
                _reset(one)
                break
        self.cut += bool(held)
        one.close()

    def _messages_of(self, held):
        """Take whole messages; return what is left. Raises ValueError where the framing is not octet counting."""
        while b" " in held[:8]:
            size, _, rest = held.partition(b" ")
            if len(rest) < int(size):
                break
            self.messages.append(rest[: int(size)])
            held = rest[int(size) :]
        return held

    @property
    def ids(self):
        """Record ids of all messages, duplicates included."""
        found = [ID.search(message) for message in list(self.messages)]
        return [match.group(1).decode() for match in found if match]


def _reset(one):
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.close()
    except OSError:
        return
