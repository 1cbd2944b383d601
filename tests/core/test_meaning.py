"""The words that policy and twin share: intents, tables, accesses, changes."""

import msgspec

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import CHANGES_THE_PLANT, Access, Change, Intent, Meaning, Table


def test_only_the_tables_of_coils_and_discrete_inputs_hold_bits():
    assert [Table.COIL, Table.DISCRETE] == [table for table in Table if table.is_bits]


def test_a_table_is_written_in_lower_case():
    assert ["coil", "discrete", "input", "holding", "file"] == [table.word for table in Table]


def test_a_change_spans_as_many_elements_as_it_has_values():
    assert AddressRange(100, 102) == Change(Table.HOLDING, 100, (1, 2, 3)).span


def test_what_nobody_knows_counts_as_changing_the_plant():
    assert Intent.UNKNOWN in CHANGES_THE_PLANT
    assert Intent.READ not in CHANGES_THE_PLANT


def test_a_meaning_survives_msgpack():
    access = Access(Intent.WRITE, Table.HOLDING, AddressRange(100, 101))
    meaning = Meaning(Intent.WRITE, 16, -1, 17, (access,), (Change(Table.HOLDING, 100, (1, 2)),))
    assert meaning == msgspec.msgpack.decode(msgspec.msgpack.encode(meaning), type=Meaning)
