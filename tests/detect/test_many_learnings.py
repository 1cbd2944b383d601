"""Several learnings of a minute each: what they refuse must not hang on the luck of one recording."""

import pytest

from icsguard.config.settings import Conduit
from icsguard.core.decision import Decision
from icsguard.detect.shadow import Shadow
from icsguard.lab import registers as at
from icsguard.lab.offline import OfflineCell
from icsguard.lab.operations import NORMAL_S, normal_operation, percent, switch
from icsguard.learn.fit import fit
from icsguard.policy.rules import Policy
from icsguard.twin.site_model import Site

UNSAFE = (
    (switch(at.PUMP_2, on=False),),
    (switch(at.PUMP_1, on=False),),
    (percent(at.MANUAL_SPEED_1, 80.0), switch(at.AUTO_1, on=False)),
    (percent(at.MANUAL_SPEED_2, 0.0), switch(at.AUTO_2, on=False)),
)
"""Writes that lead out of the safe range within the horizon; the last of each is the one that does it."""
SEEDS = (11, 12)


@pytest.mark.slow
def test_unsafe_writes_are_stopped_and_normal_ones_pass_whatever_minute_was_learnt(points, options, site, watched):
    conduit = Conduit("cell", "127.0.0.1", 1502, "127.0.0.1", 502, policy=Policy(points=points))
    scorer, stopped, hurt, normal = type(site.scorer), 0, 0, 0
    for seed in SEEDS:
        learnt = fit(OfflineCell(seed).run(76), conduit, horizon_s=12)
        model = Site(learnt.model, scorer(learnt.matrices), "x")
        for writes in UNSAFE:
            scene = type(watched)(Shadow(options, {"cell": model}, None), seed + 50)
            scene.run(10)
            for pdu in writes[:-1]:
                scene.see([scene.cell.ask(pdu)])
                scene.run(0.5)
            stopped += scene.ask(writes[-1]).decision >= Decision.HOLD
        scene = type(watched)(Shadow(options, {"cell": model}, None), seed + 90)
        scene.run(3)
        decisions = _normal_shift(scene)
        hurt += sum(one >= Decision.HOLD for one in decisions)
        normal += len(decisions)
    assert stopped >= 0.8 * len(SEEDS) * len(UNSAFE)
    assert hurt == 0
    assert normal > 10 * len(SEEDS)


def _normal_shift(scene):
    ask, decisions = scene.cell.ask, []

    def asked(pdu, **more):
        if pdu[0] in {5, 6, 15, 16}:
            decisions.append(scene.ask(pdu).decision)
        done = ask(pdu, **more)
        scene.see([done])
        return done

    scene.cell.ask = asked
    scene.cell.run(26, normal_operation, NORMAL_S)
    return decisions
