from icsguard.lab.trial import Check


def test_an_outcome_holds_when_every_expectation_held(outcome):
    assert outcome().held
    assert outcome().broken == ()
    assert (outcome().requests, outcome().hurt) == (1900, 0)


def test_every_broken_expectation_is_told_with_its_attack(outcome, trial):
    broken = outcome(
        guarded=(trial(checks=(Check("the device never saw it", held=False),)),),
        bare=(trial(guarded=False, checks=(Check("tank 1 overflowed", held=False),)),),
        checks=(Check("no normal request was hurt", held=False),),
    )
    assert not broken.held
    assert broken.broken == (
        "no normal request was hurt",
        "Unknown client writes behind the gateway: not so: the device never saw it",
        "Unknown client writes without a gateway: not so: tank 1 overflowed",
    )


def test_the_same_attack_on_the_bare_plant_is_found(outcome):
    assert outcome().bare_of("scan").title == "Scan"
    assert outcome().bare_of("unheard-of") is None
