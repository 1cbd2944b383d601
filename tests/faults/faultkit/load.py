"""Work that goes on while something happens: readers and writers in threads, every answer checked."""

import threading
import time

from faultkit.wire import Caller, Lost, answer_to_read, read_pdu, write_pdu


class Worker(threading.Thread):
    """One client that asks again and again until it is stopped. `with Worker(…) as w:` runs it inside the block."""

    def __init__(self, port, unit, *, pause_s=0.01, stage=None):
        super().__init__(daemon=True)
        self.port, self.unit, self.pause_s, self.stage = port, unit, pause_s, stage
        self.right, self.wrong, self.told, self.lost = 0, [], [], []
        self.times = []
        self._stop_now = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self._stop_now.set()
        self.join(15)

    def run(self):
        caller = None
        while not self._stop_now.wait(self.pause_s):
            started = time.monotonic()
            try:
                caller = caller or Caller(self.port, "127.0.0.5")
                self._once(caller)
                self.times.append(time.monotonic() - started)
            except (Lost, OSError) as error:
                self.lost.append(str(error))
                if caller is not None:
                    caller.close()
                    caller = None
        if caller is not None:
            caller.close()

    def _once(self, caller):
        if self.stage is None:
            answer, right = caller.ask(read_pdu(0, 8), self.unit), answer_to_read(self.unit, 0, 8)
        else:
            address, value = self.stage.fresh()
            right = write_pdu(address, value)
            answer = caller.ask(right, self.unit)
        if answer.exception:
            self.told.append(answer.exception)
        elif answer.pdu != right:
            self.wrong.append(answer.raw.hex())
        else:
            self.right += 1
            if self.stage is not None:
                self.stage.acknowledged.append(f"{self.unit}/{address}/{value}")

    @property
    def trouble(self):
        """What was not right, in few words; empty if nothing."""
        parts = [f"{name} {found[:2]}" for name in ("wrong", "told", "lost") if (found := getattr(self, name))]
        return "; ".join(parts)

    @property
    def worst_ms(self):
        """The longest that one answer took."""
        return 1000 * max(self.times, default=0.0)
