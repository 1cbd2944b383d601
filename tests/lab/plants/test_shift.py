from icsguard.lab.plants.catalog import PLANTS
from icsguard.lab.plants.shift import MOVES_APART, Shift, run
from icsguard.lab.plants.site import PlantSite


def test_one_seed_gives_one_shift():
    one, other = (Shift(PLANTS["water"], 3) for _ in range(2))
    assert [one.due() for _ in range(800)] == [other.due() for _ in range(800)]


def test_set_points_move_now_and_then_within_their_usual_range():
    plant = PLANTS["pipeline"]
    shift = Shift(plant, 4)
    usual = {tag.name: tag.usual for tag in plant.commands if tag.usual}
    maintained = {stroke.name for routine in plant.maintenance for stroke in routine}
    moves = [write for _ in range(3_000) for write in shift.due() if write.name not in maintained]
    assert 3_000 / MOVES_APART[1] / 3 < len(moves) < 3_000 / MOVES_APART[0]
    assert all(usual[write.name][0] <= write.value <= usual[write.name][1] for write in moves)


def test_maintenance_takes_back_what_it_switched():
    plant = PLANTS["boiler"]
    site, shift = PlantSite(plant, 1), Shift(plant, 2)
    seen = set()
    for _ in range(4_000):
        for name, value in shift.due():
            site.write(name, value)
            seen.add((name, value))
        if not shift.is_working:
            assert 1.0 == site.told["burner"]
    assert ("burner", 0) in seen


def test_a_batch_plant_runs_batch_after_batch():
    plant = PLANTS["reactor"]
    made = run(PlantSite(plant, 1), Shift(plant, 2), 1_000)
    charged = [one for one in made if one.request[7:] == PlantSite(plant, 1).pdu("charge", 1)]
    assert 2 <= len(charged) <= 4
