from pathlib import Path

import pytest

from icsguard.runtime.compiler import CompileError, compile_beside, compile_now

GOOD = """[gateway]
state = "{folder}/state"
[conduit.plc1]
listen = "127.0.0.1:15020"
device = "127.0.0.1:15021"
mode = "learn"
"""


def config(folder: Path, text=GOOD):
    file = folder / "icsguard.toml"
    file.write_text(text.replace("{folder}", str(folder)))
    return file


def test_a_good_file_gives_settings_and_their_bytes(tmp_path):
    compiled = compile_now(config(tmp_path))
    assert ["plc1"] == [conduit.name for conduit in compiled.settings.conduits]
    assert compiled.packed


async def test_both_ways_give_the_same(tmp_path):
    file = config(tmp_path)
    assert compile_now(file) == await compile_beside(file)


@pytest.mark.parametrize(
    ("text", "words"),
    [("[gateway\n", "icsguard.toml"), ("[conduit.plc1]\nlisten = 5\n", "icsguard.toml"), ("", "conduit")],
)
async def test_a_bad_file_is_named_with_what_is_wrong(tmp_path, text, words):
    with pytest.raises(CompileError) as caught:
        await compile_beside(config(tmp_path, text))
    assert words in " ".join(caught.value.problems)


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(CompileError) as caught:
        compile_now(tmp_path / "absent.toml")
    assert "absent.toml" in caught.value.problems[0]
