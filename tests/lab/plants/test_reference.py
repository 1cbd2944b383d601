from pathlib import Path

from icsguard.lab.plants.catalog import PLANTS
from icsguard.lab.plants.reference import page, role

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "plants.md"


def test_the_page_is_what_the_plants_say():
    made, kept = page(), PAGE.read_text(encoding="utf-8")
    assert made == kept, "run: python -m icsguard.lab.plants.reference > docs/reference/plants.md"


def test_every_point_of_every_plant_is_on_the_page():
    sections = page().split("\n## ")[1:]
    assert list(PLANTS) == [section.split("\n")[0] for section in sections]
    for plant, section in zip(PLANTS.values(), sections, strict=True):
        assert [tag.name for tag in plant.tags] == [
            line.split("`")[1] for line in section.splitlines() if line.startswith("| `")
        ]
        assert len(plant.maintenance) == sum(line.startswith("* ") for line in section.splitlines())


def test_a_plant_that_was_frozen_once_says_so():
    assert "run once" in role(PLANTS["heating"])
    assert "was frozen" in role(PLANTS["boiler"])
    assert "tuned" in role(PLANTS["water"])
