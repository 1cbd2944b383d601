"""A campaign of mutated Modbus streams: no promise broken, no input slow, no memory kept."""

import json
import os
import subprocess
import sys

import pytest

from icsguard.protocols.modbus.defects import DEFECTS

REMARKS = {"pdu-padding", "response-padding", "response-exception-code"}
PAIRING = {"response-unsolicited", "response-late", "response-duplicate", "response-mismatch"}
INPUTS = int(os.environ.get("ICSGUARD_FUZZ_INPUTS", "20000"))


def run(repo, *options):
    command = [sys.executable, "tests/fuzz/modbus_campaign.py", *options]
    return subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def figures(repo):
    done = run(repo, "--inputs", str(INPUTS))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    sys.stdout.write(f"modbus fuzz: {done.stdout}")
    return found


def test_no_input_breaks_a_promise(figures):
    assert (INPUTS, 0) == (figures["inputs"], figures["failures"])


def test_the_inputs_reach_every_defect_of_codec_and_the_sound_ways_too(figures):
    counted = {code for code in DEFECTS if code.startswith(("pdu-", "response-"))} - REMARKS - PAIRING
    assert counted | {"sound", "answered"} == set(figures["seen"])
    assert figures["seen"]["sound"] > INPUTS / 20
    assert figures["seen"]["answered"] > INPUTS / 20


def test_no_input_is_slow(figures):
    assert figures["slowest_ms"] < 100  # CPU time of all checks of one stream of up to 2000 bytes, cut three ways


def test_no_input_leaves_memory_behind(figures):
    assert figures["growth_kib"] < 8 * 1024


def test_the_same_seed_gives_the_same_streams(repo):
    one, other, third = (json.loads(run(repo, "--inputs", "200", "--seed", seed).stdout)["bytes"] for seed in "112")
    assert one == other != third


def test_a_stream_can_be_replayed(repo):
    assert run(repo, "--replay", "000100000006110300000001").returncode == 0
