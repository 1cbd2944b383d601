import dataclasses

import pytest

from icsguard.cli.exits import CliError
from icsguard.cli.records_file import find
from icsguard.core.clock import HOUR
from icsguard.evidence.record_json import record_line


@pytest.fixture
def file(record, tmp_path):
    path = tmp_path / "records.jsonl"
    newer = dataclasses.replace(record, id="r5f3a-000013", ticket="T-19", at=record.at + 1000)
    lines = [
        record_line(record, record.at + HOUR, "edge1"),
        b"torn {\n",
        b"\xff\xfe\n",
        record_line(newer, newer.at, "edge1"),
    ]
    path.write_bytes(b"".join(lines) + b'{"schema":"icsguard.rec')
    return path


def test_a_record_is_found_by_its_id_with_the_wall_clock_of_its_moment(file, record):
    found = find(file, "r5f3a-000012")
    assert (record, HOUR) == (found.record, found.wall_shift)


def test_a_record_is_found_by_its_ticket(file):
    assert "r5f3a-000013" == find(file, "T-19").record.id


def test_the_newest_record_is_the_last_whole_line(file):
    assert "r5f3a-000013" == find(file, "last").record.id


def test_a_text_that_only_occurs_in_a_record_is_not_its_id(file):
    with pytest.raises(CliError, match="no record"):
        find(file, "edge1")


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(CliError, match="there is no file"):
        find(tmp_path / "none", "last")


def test_a_folder_is_no_file_of_records(tmp_path):
    with pytest.raises(CliError, match="cannot be read"):
        find(tmp_path, "last")
