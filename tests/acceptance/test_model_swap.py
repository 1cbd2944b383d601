"""Models are exchanged under load, and taken away altogether: no request is lost, no answer is wrong, all is recorded.

Two clients read and write without a pause while champions change places by the operator's own command.
"""

import math
import shutil
import struct
import threading
import time
from dataclasses import dataclass, field, replace

import pytest

from icsguard.config.settings import Conduit
from icsguard.core.decision import Decision
from icsguard.core.meaning import Table
from icsguard.core.point import Point
from icsguard.core.transaction import Outcome, Transaction
from icsguard.policy.rules import Policy

pytest.importorskip("onnx")
pytestmark = pytest.mark.timeout(150)  # starting three processes is slow on a machine that does other work
POLICY = """[clients]
hmi = ["127.0.0.1"]
[[rule]]
id = "operate"
clients = ["hmi"]
units = [1]
functions = [3, 6]
ranges = ["holding 0..99"]
"""
CSV = "name,unit_id,table,address,safe_min,safe_max\nlevel,1,holding,0,100,2000\nflow,1,holding,1,,\n"
POINTS = (
    Point("level", 1, Table.HOLDING, 0, safe_min=100.0, safe_max=2000.0),
    Point("flow", 1, Table.HOLDING, 1),
)
MORE = 'policy = "plc1.policy.toml"\npoints = "plc1.points.csv"\n[conduit.plc1.isolation]\nauto = false'
SECOND = 1_000_000_000
READ = struct.pack(">BHH", 3, 0, 2)
SWAPS = 3


def polled(seconds):
    """Return a client's polls, once a second; one point follows the other."""
    made = []
    for number in range(seconds):
        flow, level = round(500 + 300 * math.sin(number / 20)), round(1000 + 200 * math.sin((number - 5) / 20))
        request = struct.pack(">HHHB", number & 0xFFFF, 0, 6, 1) + READ
        answer = struct.pack(">HHHBBBHH", number & 0xFFFF, 0, 7, 1, 3, 4, level, flow)
        at = (1_700_000_000 + number) * SECOND
        made.append(
            Transaction(
                number + 1, "plc1", 1, "127.0.0.1", at, at + 10**6, request, answer, Decision.ALLOW, Outcome.ANSWERED
            )
        )
    return made


@dataclass
class Load:
    """Clients that write and read back."""

    connect: object
    port: int
    answered: int = 0
    wrong: list = field(default_factory=list)
    longest_s: float = 0.0

    def __enter__(self):
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in (1, 2)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error):
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def _work(self, number):
        turn = 0
        with self.connect(self.port) as client:
            while not self._stop.wait(0.005):
                turn = (turn + 1) % 1000
                write = struct.pack(">BHH", 6, 10 * number, turn)
                back = struct.pack(">BHH", 3, 10 * number, 1)
                for asked, expected in ((write, write), (back, struct.pack(">BBH", 3, 2, turn))):
                    began = time.monotonic()
                    try:
                        answer = client.ask(asked)
                    except (AssertionError, OSError) as error:
                        self.wrong.append(repr(error))
                        return
                    self.longest_s = max(self.longest_s, time.monotonic() - began)
                    self.answered += 1
                    if answer != expected:
                        self.wrong.append(answer.hex())


@pytest.fixture(scope="module")
def site(make_site, plc, tmp_path_factory):
    """A site whose conduit has a champion and one of before."""
    from icsguard.learn.export import export, site_key
    from icsguard.learn.fit import fit

    site = make_site({"plc1": (plc.port, "enforce", MORE)}, {"plc1.policy.toml": POLICY, "plc1.points.csv": CSV})
    state = site.folder / "state"
    conduit = Conduit("plc1", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=POINTS))
    fitted = fit(polled(600), conduit, horizon_s=60)
    folder = state / "models" / "plc1"
    for below, note in (((), "new"), (("previous", "1-old"), "old")):
        export(replace(fitted, model=replace(fitted.model, notes=(note,))), folder.joinpath(*below), site_key(state))
    return site


def model_in_use(site):
    facts = next((part["facts"] for part in site.status().get("parts", ()) if part["role"] == "shadow"), {})
    return facts.get("plc1.model", "")


def test_champions_change_places_under_load_and_no_request_is_lost(site, connect, wait_until):
    used = [wait_until(lambda: model_in_use(site))]
    with Load(connect, site.port) as load:
        time.sleep(0.3)
        for _ in range(SWAPS):
            site.run("models", "rollback", "plc1", "-r", "back and forth", "--yes")
            used.append(wait_until(lambda: (now := model_in_use(site)) != used[-1] and now))
        time.sleep(0.3)
    assert [] == load.wrong
    assert load.answered > 100
    assert [used[0], used[1]] * 2 == used
    said = [one["text"] for one in site.records() if one["kind"] == "operator"]
    assert SWAPS == sum("the model of plc1 is again" in text for text in said)


def test_a_challenger_runs_beside_the_champion_and_touches_nothing(site, connect, wait_until):
    folder = site.folder / "state" / "models" / "plc1"
    before = model_in_use(site)
    shutil.copytree(next((folder / "previous").iterdir()), folder / "challenger")
    with Load(connect, site.port) as load:
        facts = wait_until(lambda: (now := shadow_facts(site)).get("plc1.challenger_hours") and now)
    assert [] == load.wrong
    assert before == facts["plc1.model"] != facts["plc1.challenger"]
    site.run("models", "discard", "plc1", "-r", "seen enough")
    wait_until(lambda: "plc1.challenger" not in shadow_facts(site))


def shadow_facts(site):
    return next((part["facts"] for part in site.status().get("parts", ()) if part["role"] == "shadow"), {})


def test_with_no_model_at_all_everything_is_answered(site, connect, wait_until):
    shutil.rmtree(site.folder / "state" / "models" / "plc1")
    wait_until(lambda: shadow_facts(site) and not model_in_use(site))
    with Load(connect, site.port) as load:
        time.sleep(1)
    assert [] == load.wrong
    assert load.answered > 20
    assert "nothing learnt" in site.status()["conduits"][0]["twin"]
