import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from icsguard.core.decision import Mode
from icsguard.core.isolation import Isolation, Scope
from icsguard.policy.rules import Grant, Service
from icsguard.runtime.state_file import FILE_NAME, KeptMode, KeptState, read_state, write_state

STATE = KeptState(
    modes={"plc1": KeptMode(Mode.ENFORCE, Mode.LEARN)},
    isolations=(Isolation("10.0.0.1", "plc1", Scope.WRITES, "why", "anna", 1, 2),),
    grants={"plc1": (Grant("g1", "hmi", 5, "work", services=(Service(6),)),)},
    granted_by={"g1": "anna"},
)


def test_what_is_written_is_read(tmp_path):
    write_state(tmp_path, STATE)
    assert (STATE, "") == read_state(tmp_path)


def test_no_file_is_an_empty_state_without_a_word(tmp_path):
    assert (KeptState(), "") == read_state(tmp_path)


DEEP = '{"sha256": "", "state": ' + "[" * 100_000


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 9}', '{"modes": 5}', "\x00\xff", DEEP])
def test_a_damaged_file_is_moved_aside_and_named(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text, encoding="latin-1")
    state, said = read_state(tmp_path)
    assert KeptState() == state
    assert FILE_NAME in said
    assert (tmp_path / "gateway-state.broken").exists()


@given(st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_flipped_byte_or_a_cut_is_found_and_said(tmp_path, data):
    write_state(tmp_path, STATE)
    file = tmp_path / FILE_NAME
    raw = bytearray(file.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[at] ^= data.draw(st.integers(1, 255))
    else:
        del raw[at:]
    file.write_bytes(raw)
    state, said = read_state(tmp_path)
    assert (state == STATE) if not said else (state == KeptState())


def test_a_disk_that_refuses_leaves_the_old_file_whole(tmp_path):
    write_state(tmp_path, STATE)
    (tmp_path / "gateway-state.new").mkdir()  # whoever is root here cannot be refused by permissions
    with pytest.raises(OSError, match="directory"):
        write_state(tmp_path, KeptState())
    assert (STATE, "") == read_state(tmp_path)


def test_the_file_is_not_for_everybody(tmp_path):
    write_state(tmp_path, STATE)
    assert 0 == (tmp_path / FILE_NAME).stat().st_mode & 0o007
