"""The words that policy and twin share: intents, tables, accesses, changes."""

import msgspec

from icsguard.core.ids import AddressRange
from icsguard.core.meaning import (
    CHANGES_THE_PLANT,
    Access,
    Change,
    Intent,
    Meaning,
    NodeAccess,
    NodeChange,
    Table,
)


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


def test_a_meaning_of_nodes_survives_msgpack():
    nodes = (NodeAccess(Intent.WRITE, "nsu=urn:plant;s=Pump"), NodeAccess(Intent.EXECUTE, "i=5", 0, "", "i=4"))
    changes = (NodeChange(0, "Double", (50.5,)), NodeChange(1, "String", ("on", None, True, 5), argument=0))
    meaning = Meaning(Intent.WRITE, 673, -1, 0, (), (), b"", nodes, changes)
    assert meaning == msgspec.msgpack.decode(msgspec.msgpack.encode(meaning), type=Meaning)
