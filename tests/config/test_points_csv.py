import pytest

from icsguard.config.points_csv import COLUMNS, read_points
from icsguard.config.problem import Findings
from icsguard.core.clock import SECOND
from icsguard.core.meaning import Table
from icsguard.core.point import DataType, Limits, Point, PointKind, WordOrder

HEAD = "name,unit_id,table,address,type,min,allowed,mask,max_age"


def read(text):
    findings = Findings()
    found = read_points(text, "p.csv", findings)
    return found, [str(problem) for problem in findings.all()]


def test_every_column_has_its_place():
    row = {
        "name": "a_b/c-1", "unit_id": "7", "table": "Holding", "address": "100", "type": "F32", "order": "cdab",
        "scale": "0.5", "offset": "-1", "unit": "m3/h", "min": "0", "max": "9.5", "max_step": "1", "max_rate": "0.25",
        "min_interval": "1.5", "allowed": "1|2.5", "mask": "0x00FF", "safe_min": "1", "safe_max": "8", "atomic": "no",
        "kind": "secret", "loop": "L1", "overlaps": "x|y.3", "max_age": "5",
        "node": "nsu=urn:plant;s=Pump.Speed", "node_type": "Float",
    }  # fmt: skip
    assert set(COLUMNS) == set(row)
    found, problems = read(",".join(row) + "\n" + ",".join(row.values()) + "\n")

    assert [] == problems
    assert [
        Point(
            "a_b/c-1", 7, Table.HOLDING, 100, DataType.F32, WordOrder.CDAB, 0.5, -1.0, "m3/h",
            Limits(0.0, 9.5, 1.0, 0.25, 3 * SECOND // 2, (1.0, 2.5), 0xFF), 1.0, 8.0, atomic=False,
            kind=PointKind.SECRET, max_age_ns=5 * SECOND, loop="L1", overlaps=("x", "y.3"),
            node="nsu=urn:plant;s=Pump.Speed", node_type="Float",
        )
    ] == found.points  # fmt: skip


def test_bits_and_registers_have_their_usual_types():
    found, _ = read("name,unit_id,table,address\na,1,coil,0\nb,1,discrete,0\nc,1,input,0\nd,1,holding,0\n")

    assert ["bool", "bool", "u16", "u16"] == [point.type for point in found.points]


def test_spreadsheets_write_semicolons_quotes_marks_and_comments():
    found, problems = read('\ufeff# from the plant\n\nunit_id;"name";table;address\n1;"a";holding;3\n;;;\n')

    assert [] == problems
    assert [("a", 3, 4)] == [(p.name, p.address, line) for p, line in zip(found.points, found.lines, strict=True)]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a,1,holding,65536", "p.csv:2: address: '65536' is no whole number from 0 to 65535"),
        ("a,1,holding,0000000009999999", "p.csv:2: address: '0000000009999999' is no whole number"),
        ("a,-1,holding,1", "p.csv:2: unit_id: '-1' is no whole number from 0 to 255"),
        ("a,1,holdin,1", "p.csv:2: table: 'holdin' is unknown (did you mean 'holding'?)"),
        ("a,1,holding,1,u8", "p.csv:2: type: 'u8' is unknown"),
        ("a b,1,holding,1", "p.csv:2: name: 'a b' is no name"),
        ("a\x1b[2J,1,holding,1", "p.csv:2: name: 'a\\x1b[2J' is no name"),
        (",1,holding,1", "p.csv:2: name is empty"),
        ("a,1,holding,1,u16,x", "p.csv:2: min: 'x' is no number"),
        ("a,1,holding,1,u16,nan", "p.csv:2: min: 'nan' is no finite number"),
        ("a,1,holding,1,u16,,1|x", "p.csv:2: allowed: 'x' is no number"),
        ("a,1,holding,1,u16,,,0x10000", "p.csv:2: mask: '0x10000' does not fit 16 bits"),
        ("a,1,holding,1,u16,,,y", "p.csv:2: mask: 'y' is no mask"),
        ("a,1,holding,1,u16,,,,0", "p.csv:2: max_age: '0' is not above 0"),
        ("a,1,holding,1,u16,,,,1,9,9", "p.csv:2: the line has 11 cells, the header 9"),
        ('a,1,"holding,1', "p.csv:2: not CSV: unexpected end of data"),
    ],
)
def test_each_fault_has_its_line(line, problem):
    found, problems = read(f"{HEAD}\n{line}\n")

    assert not found.complete
    assert problems
    assert problems[0].startswith(problem)


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("name,unit_id,table,adress", "unknown column 'adress' (did you mean 'address'?)"),
        ("name,unit_id,table", "column 'address' is missing"),
        ("name,name,unit_id,table,address", "column 'name' stands twice"),
        ("", "the list has no line of column names"),
    ],
)
def test_each_fault_of_the_head_is_told(head, problem):
    assert any(problem in line for line in read(f"{head}\n")[1])


def test_one_scale_cannot_be():
    assert "a scale of 0" in read("name,unit_id,table,address,scale\na,1,coil,0,0\n")[1][0]


def test_a_list_beyond_reason_is_cut(monkeypatch):
    monkeypatch.setattr("icsguard.config.points_csv.MAX_POINTS", 2)
    found, problems = read("name,unit_id,table,address\n" + "".join(f"p{n},1,coil,{n}\n" for n in range(5)))

    assert 2 == len(found.points)
    assert ["p.csv:4: more than 2 points (split the list over conduits)"] == problems


def test_a_point_may_live_in_a_node_alone():
    found, problems = read('name,node\nspeed,"nsu=urn:plant;s=Pump.Speed"\n')
    assert [] == problems
    assert [("speed", "nsu=urn:plant;s=Pump.Speed", DataType.F64, False)] == [
        (point.name, point.node, point.type, point.in_registers) for point in found.points
    ]


def test_a_point_may_live_in_a_register_and_in_a_node():
    found, problems = read("name,unit_id,table,address,node\nspeed,1,holding,12,nsu=urn:plant;i=07\n")
    assert [] == problems
    assert [(True, 12, "nsu=urn:plant;i=7")] == [(p.in_registers, p.address, p.node) for p in found.points]


@pytest.mark.parametrize(
    ("cells", "problem"),
    [
        ("a,,,,ns=2;s=A,", "names a namespace by index"),
        ("a,,,,Pump,", "names no node"),
        ("a,,,,nsu=urn:p;s=A*,", "takes no *"),
        ("a,,,,nsu=urn:p;s=A,Doubel", "did you mean 'Double'?"),
        ("a,1,,,nsu=urn:p;s=A,", "table is empty"),
        ("a,,,,,", "unit_id is empty"),
    ],
)
def test_faults_of_nodes_are_told(cells, problem):
    _, problems = read(f"name,unit_id,table,address,node,node_type\n{cells}\n")
    assert any(problem in one for one in problems), problems
