import json
from pathlib import Path

import pytest

from icsguard.config.points_csv import COLUMNS
from icsguard.config.reference import FILES, PAGES, main
from icsguard.policy.codes import CODES

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_the_models_say(page):
    assert PAGES[page]() == (FOLDER / FILES[page]).read_text(), (
        f"python -m icsguard.config.reference {page} > docs/reference/{FILES[page]}"
    )


def test_every_column_and_every_reason_is_on_the_page():
    page = PAGES["policy"]()

    assert all(f"`{name}`" in page for name in (*COLUMNS, *CODES))


def test_the_schema_knows_keys_and_refuses_others():
    schema = json.loads(PAGES["config-schema"]())

    assert "listen" in schema["$defs"]["ConduitSection"]["properties"]
    assert schema["$defs"]["ConduitSection"]["additionalProperties"] is False


def test_a_page_is_written_to_standard_output(capsys):
    assert 0 == main(["config"])
    assert PAGES["config"]() == capsys.readouterr().out
    assert 2 == main(["x"])
    assert "usage" in capsys.readouterr().err
