from icsguard.cli.exits import FAILURE_EXITS, CliError, ExitCode
from icsguard.control.replies import FailureCode


def test_every_failure_of_the_gateway_has_an_exit_code():
    assert set(FailureCode) == set(FAILURE_EXITS)


def test_the_exit_codes_are_the_documented_ones(repo):
    text = (repo / "docs" / "operator" / "exit-codes.md").read_text(encoding="utf-8")
    assert all(f"| {code.value} |" in text for code in ExitCode)


def test_an_error_is_named_after_its_exit_code_unless_it_has_a_name():
    assert ("not-running", "bug") == (CliError("x", code=ExitCode.NOT_RUNNING).name, CliError("x", name="bug").name)
