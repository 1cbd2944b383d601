import pytest

from icsguard.runtime.rundir import RunDirError, run_dir


@pytest.fixture
def config(tmp_path):
    return tmp_path / "icsguard.toml"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "/run/icsguard"),
        ('[gateway]\nrun = "/tmp/x"\n', "/tmp/x"),
        ('[gateway]\nrun = "/tmp/x"\nnonsense = 1\n[conduit.a]\nlisten = 5\n', "/tmp/x"),
        ("gateway = 5\n", "/run/icsguard"),
    ],
)
def test_the_place_is_read_whatever_else_is_wrong_in_the_file(config, text, place):
    config.write_text(text)
    assert place == str(run_dir(config))


def test_a_relative_place_is_beside_the_file(config):
    config.write_text('[gateway]\nrun = "run"\n')
    assert config.parent / "run" == run_dir(config)


@pytest.mark.parametrize(
    "data", [b"[gateway\n", b"\xff\xfe", b"x = " + b"[" * 20_000, b"[gateway]\nrun = 5\n", b'[gateway]\nrun = ""\n']
)
def test_a_file_that_can_not_say_it_is_one_clear_line_with_what_to_type(config, data):
    config.write_bytes(data)
    with pytest.raises(RunDirError, match="icsguard config check -c") as caught:
        run_dir(config)
    assert 1 == len(str(caught.value).splitlines())


def test_a_missing_file_is_one_clear_line(config):
    with pytest.raises(RunDirError, match=r"icsguard\.toml cannot be read"):
        run_dir(config)
