from icsguard.lab.plants.site import PlantSite


def test_a_taught_plant_has_a_scorer_and_a_threshold(bench):
    assert bench.taught.site.scorer is not None
    assert bench.taught.threshold > 0
    assert bench.taught.site.digest


def test_a_guard_follows_what_it_sees(bench):
    guard = bench.taught.guard()
    site = PlantSite(bench.plant, 77)
    assert 0.0 == guard.score()
    for _ in range(20):
        guard.see(site.poll())
    assert guard.score() > 0.0
    assert guard.transactions == 60
    assert [] == guard.see([])


def test_a_guard_has_an_opinion_on_a_write(bench):
    guard, site = bench.taught.guard(), PlantSite(bench.plant, 77)
    for _ in range(20):
        guard.see(site.poll())
    assert guard.ask(site.question("setpoint_1", 2.1)).model_digest == bench.taught.site.digest
