import os

import pytest

from icsguard.cli import handing_over
from icsguard.cli.handing_over import hand_over


def test_what_root_wrote_belongs_to_the_user_of_the_state_folder(tmp_path, monkeypatch):
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "site.key").write_text("")
    (tmp_path / "models" / "plc1").mkdir(parents=True)
    changed = []
    monkeypatch.setattr(handing_over.os, "geteuid", lambda: 0)
    monkeypatch.setattr(handing_over.os, "chown", lambda path, *_ids, **_options: changed.append(path.name))
    hand_over(tmp_path, tmp_path / "models")
    assert {"keys", "site.key", "models", "plc1"} == set(changed)


def test_anybody_else_gives_nothing_away(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "chown", lambda *_args, **_options: pytest.fail("it changed an owner"))
    hand_over(tmp_path, tmp_path)
