from icsguard.twin.api import Move
from icsguard.twin.grid import Row
from icsguard.twin.persistence import PersistenceTwin


def test_everything_stays_as_it_is_but_what_is_commanded():
    twin = PersistenceTwin(("level", "pump"))
    twin.observe(Row(1, (1.0, 0.0), follows=False))
    twin.observe(Row(2, (1.5, 0.0), follows=True))
    assert [[1.5, 1.0]] * 3 == twin.predict([Move(1, 1.0)], 3).mean.tolist()
