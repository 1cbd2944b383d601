"""Recordings of anything: reading and replaying them never raises, and each request ends exactly once."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from icsguard.config.settings import Conduit
from icsguard.core.decision import Mode
from icsguard.learn.capture import Segment
from icsguard.learn.direction import Directions, Wire
from icsguard.learn.pairing import Pairing, numbered
from icsguard.learn.player import Player
from icsguard.learn.proposal_text import points_text, policy_text
from icsguard.learn.propose import LearnOptions, propose
from icsguard.learn.reassembly import Reassembly
from icsguard.learn.traffic import Traffic
from icsguard.protocols.modbus import build

HMI, PLC = ("10.0.0.21", 40_001), ("10.1.0.5", 502)
SECOND = 1_000_000_000
PDUS = st.one_of(
    st.sampled_from(
        [
            build.read(3, 0, 2),
            bytes((3, 4, 0, 1, 0, 2)),
            build.write_register(5, 9),
            build.read_write(0, 1, 4, (1,)),
            build.mask_write(4, 1, 2),
            build.write_coils(3, (1, 0, 1)),
            build.read_files([build.FilePart(1, 2, 3)]),
            build.exception(3, 2),
            build.identification(),
        ]
    ),
    st.binary(min_size=1, max_size=20),
)
ADUS = st.builds(build.adu, st.integers(0, 3), st.sampled_from([0, 1, 255]), PDUS)
BYTES = st.one_of(ADUS, st.lists(ADUS, max_size=3).map(b"".join), st.binary(max_size=30))
SEGMENTS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 200), st.booleans(), st.booleans(), st.booleans(), BYTES), max_size=12
)
WIRES = st.lists(
    st.tuples(st.integers(0, 3 * SECOND), st.integers(1, 2), st.booleans(), BYTES, st.booleans(), st.booleans()),
    max_size=12,
)


@given(SEGMENTS)
def test_any_segments_become_transactions_and_a_proposal(parts):
    counts: Counter[str] = Counter()
    reassembly, directions, pairing = Reassembly(counts), Directions(frozenset({502}), counts), Pairing("plc1", counts)
    pieces = []
    for at, (up, seq, syn, ended, acks, data) in enumerate(parts):
        ends = (HMI, PLC) if up else (PLC, HMI)
        pieces += reassembly.feed(Segment(at, *ends, seq, seq, syn, ended, acks, data))
    wires = [wire for piece in pieces + reassembly.rest() for wire in directions.feed(piece)] + directions.rest()
    found = numbered([one for wire in wires for one in pairing.feed(wire)] + pairing.rest())
    assert counts["requests"] == len(found)
    proposal = propose(Traffic(found, dict(counts)), "plc1", options=LearnOptions(1, 1, 1))
    assert "[[rule]]" in policy_text(proposal) or not proposal.rules
    assert points_text(proposal.points).startswith("name,")


@given(WIRES, st.sampled_from(list(Mode)))
def test_any_recording_is_replayed_and_each_request_ends_once(parts, mode):
    ended: list[int] = []
    player = Player(
        Conduit("plc1", "", 0, *PLC),
        mode,
        on_transaction=lambda one: ended.append(one.number),
        on_record=lambda record: None,
        on_finding=lambda finding: None,
    )
    now, wires = SECOND, []
    for pause, flow, up, data, broken, over in parts:
        now += pause
        wires.append(Wire(now, flow, HMI, PLC, up, data, broken, over))
    player.play(wires)
    assert sorted(set(ended)) == sorted(ended)
    assert list(range(1, len(ended) + 1)) == sorted(ended)
