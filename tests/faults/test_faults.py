"""Every fault of the list in its way against the real processes; `make faults` is the long form of the same cases."""

import pytest
from faultkit.__main__ import chosen
from faultkit.registry import CannotRun, Outcome, Verdict, run_case


@pytest.mark.timeout(90)
@pytest.mark.parametrize("case", chosen([]), ids=lambda case: case.id)
def test_what_is_required_holds(case, stages):
    try:
        stage = stages.for_case(case)
    except CannotRun as why:
        pytest.skip(str(why))
    outcome: Outcome = run_case(case, stage)
    if outcome.verdict is Verdict.BROKEN:
        stages.close()  # what it left behind is not the next case's
    if outcome.verdict is Verdict.CANNOT:
        pytest.skip(outcome.seen)
    assert Verdict.HELD is outcome.verdict, f"{case.what}: required: {case.required}; seen: {outcome.seen}"
