import pkgutil

from icsguard.lab import attacks
from icsguard.lab.attacks.book import ATTACKS
from icsguard.lab.attacks.scene import Who


def test_every_attack_of_the_folder_is_in_the_book():
    modules = {module.name.replace("_", "-") for module in pkgutil.iter_modules(attacks.__path__)}
    assert {attack.key for attack in ATTACKS} == modules - {"book", "scene"}


def test_there_are_at_least_twelve_attacks_from_strangers_and_from_known_clients():
    assert len(ATTACKS) >= 12
    assert {attack.who for attack in ATTACKS} == set(Who)


def test_every_attack_has_its_technique_and_its_expectation():
    for attack in ATTACKS:
        assert attack.technique.startswith("T0"), attack.key
        assert attack.layers, attack.key
        assert attack.title, attack.key
        assert attack.story.endswith("."), attack.key
