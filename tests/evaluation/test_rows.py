from icsguard.evaluation import conduct, disturbances, rows
from icsguard.evaluation.captures import Judged
from icsguard.evaluation.metrics import Tally
from icsguard.evaluation.tables import Table


def test_all_25_rows_are_there_once():
    assert list(range(1, 26)) == [attack.number for attack in rows.ATTACKS]


def test_every_kind_that_is_tried_belongs_to_a_row_that_names_its_table():
    tables = {attack.number: attack.table for attack in rows.ATTACKS}
    for numbers, *_ in conduct.KINDS.values():
        assert {"conduct"} == {tables[int(number)] for number in numbers.split(", ")}
    for numbers, _ in disturbances.KINDS.values():
        assert {"disturbances"} == {tables[int(number)] for number in numbers.split(", ")}


def test_what_several_tables_say_of_a_row_is_added_up(good_plant):
    exhaustion = Table("exhaustion", "", ({"attacks": 10, "found": 7}, {"attacks": 10, "found": 10}))
    poison = Table("poison", "", ({"taught with": "attacked data, trimmed", "attacks": 50, "recall": 0.9},))
    made = rows.table([good_plant], [exhaustion, poison], {"lemay": [Judged("x", attacks=5, reached=1)]})
    found = {row["row"]: (row["tried"], row["stopped or found"]) for row in made.rows}
    assert (5 + 20, 4 + 20) == found[1]
    assert (20, 17) == found[13]
    assert (50, 45) == found[23]
    assert (200, 198) == (found[7][0] - 100, found[7][1] - 99)
    assert (None, None) == found[19]


def test_row_20_is_counted_where_it_stands_beside_another(good_plant):
    good_plant.conduct.kinds["programming by a known client"] = Tally(9, 9)
    made = rows.table([good_plant], [], {})
    assert {16: 9, 20: 9} == {row["row"]: row["tried"] for row in made.rows if row["row"] in {16, 20}}
