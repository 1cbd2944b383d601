from icsguard.config.problem import MAX_SHOWN, Findings, Problem, Severity, did_you_mean


def test_a_problem_is_one_line_with_place_and_hint():
    assert "a.toml:3: wrong (write right)" == str(Problem("a.toml", 3, "wrong", "write right"))
    assert "a.toml: warning: odd" == str(Problem("a.toml", 0, "odd", severity=Severity.WARNING))


def test_problems_come_once_and_in_order():
    findings = Findings()
    findings.error("b", 1, "x")
    findings.error("a", 9, "x")
    findings.error("a", 9, "x")
    findings.warn("a", 2, "y")

    assert [("a", 2), ("a", 9), ("b", 1)] == [(p.file, p.line) for p in findings.all()]


def test_warnings_alone_are_no_failure():
    findings = Findings()
    findings.warn("a", 1, "x")
    assert not findings.failed
    assert () == findings.as_problems().items

    findings.note(Problem("a", 1, "y"))
    assert findings.failed


def test_a_flood_of_problems_is_bounded_and_counted():
    findings = Findings()
    for line in range(MAX_SHOWN + 7):
        findings.error("a", line, "x")
    problems = findings.as_problems()

    assert (MAX_SHOWN, 7) == (len(problems.items), problems.left_off)
    assert str(problems).endswith("and 7 more")


def test_a_hint_names_the_closest_word_or_all():
    assert "did you mean 'holding'?" == did_you_mean("holdin", ["coil", "holding"])
    assert "known: a, b" == did_you_mean("zzz", ["b", "a"])
    assert "none is declared" == did_you_mean("zzz", [])
