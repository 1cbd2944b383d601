import pytest

from icsguard.config.points_checks import check_points
from icsguard.config.points_csv import read_points
from icsguard.config.problem import Findings

HEAD = "name,unit_id,table,address,type,scale,min,max,max_step,allowed,mask,safe_min,safe_max,overlaps"


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ("a,1,holding,1,u16,0.1,0,6553.6", "p.csv:2: a: max 6553.6 is outside what u16 with scale 0.1 can hold"),
        ("a,1,holding,1,u16,,-1", "p.csv:2: a: min -1 is outside what u16 with scale 1 can hold"),
        ("a,1,holding,1,bcd16,,0,10000", "p.csv:2: a: max 10000 is outside"),
        ("a,1,holding,1,f32,,0,1e39", "p.csv:2: a: max 1e+39 is outside"),
        ("a,1,holding,1,u16,10,11,19", "p.csv:2: a: no value that scale 10 can carry lies between min and max"),
        ("a,1,holding,1,i16,-10,11,19", "p.csv:2: a: no value that scale -10 can carry lies between min and max"),
        ("a,1,holding,1,u16,10,,,5", "p.csv:2: a: max_step 5 is smaller than one step of the wire, 10"),
        ("a,1,holding,1,u16,,5,4", "p.csv:2: a: min 5 is above max 4"),
        ("a,1,holding,1,u16,,,,,70000", "p.csv:2: a: allowed 70000 is outside"),
        ("a,1,holding,1,u16,,0,5,,7", "p.csv:2: a: the allowed value 7 is outside its own min and max"),
        ("a,1,holding,1,u16,,,,,7.5", "p.csv:2: a: the allowed value 7.5 is not a whole multiple of the scale 1"),
        ("a,1,holding,1,u32,,,,,,0x1", "p.csv:2: a: a mask needs a point of one register, not u32"),
        ("a,1,coil,1,,,,,1", "p.csv:2: a: a bit has no step and no rate"),
        ("a,1,input,1,u16,,,,1", "p.csv:2: a: input elements cannot be written"),
        ("a,1,holding,65535,f32", "p.csv:2: a: f32 at address 65535 reaches beyond 65535"),
        ("a,1,coil,1,u16", "p.csv:2: a: type u16 does not fit table coil"),
        ("a,1,holding,1,bool", "p.csv:2: a: type bool does not fit table holding"),
        ("a,1,input,1,u16,,,,,,,5,5", "p.csv:2: a: safe_min 5 is not below safe_max 5"),
        ("a,1,holding,1\na,1,holding,9", "p.csv:3: the point 'a' is declared twice"),
        ("a,1,holding,5\nb,1,holding,4,u32", "p.csv:3: b: its memory is also that of another point (line 2)"),
        ("a,1,coil,1,,,,,,,,,,x", "p.csv:2: a: overlaps an unknown point 'x'"),
        ("a,1,holding,1,,,,,,,,,,b\nb,1,holding,2", "p.csv:2: a: b is in the same table or another unit"),
        ("a,1,coil,1,,,,,,,,,,b\nb,2,holding,2", "p.csv:2: a: b is in the same table or another unit"),
        ("a,1,coil,1,,,,,,,,,,b.3\nb,1,holding,2,u32", "p.csv:2: a: b.3 names a bit, but only a coil"),
        ("a,1,holding,1,,,,,,,,,,b.3\nb,1,coil,2", "p.csv:2: a: b.3 names a bit, but only a coil"),
        ("a,1,coil,1,,,,,,,,,,b.16\nb,1,holding,2", "p.csv:2: a: b.16: a register has bits 0 to 15"),
    ],
)
def test_each_nonsense_is_told_at_its_line(told, rows, line):
    lines = [found for found in told(points=f"{HEAD}\n{rows}\n")[1] if found.startswith("p.csv")]

    assert lines
    assert lines[0].startswith(line)


@pytest.mark.parametrize(
    "rows",
    [
        "a,1,holding,1,u16,0.1,0,6553.5",
        "a,1,holding,1,i16,-1,-32767,32768",
        "a,1,holding,1,u16,,0,5,,0|5",
        "a,1,holding,1,u16,10,10,10,10",
        "a,1,holding,1,i16,-10,-20,-10,10",
        "a,1,holding,1,f32,10,1,2,0.5",
        "a,1,holding,1,u32\nb,1,holding,3\nc,2,holding,1\nd,1,input,1",
        "a,1,coil,1,,,,,,,,,,b.15\nb,1,holding,2",
        "a,1,coil,1,,,,,,,,,,b\nb,1,holding,2",
        "a,1,input,1,u16,,,,,,,1,5",
    ],
)
def test_sense_passes(told, rows):
    assert [] == [line for line in told(points=f"{HEAD}\n{rows}\n")[1] if line.startswith("p.csv")]


def test_an_unreadable_line_does_not_make_its_neighbours_wrong(told):
    lines = told(points=f"{HEAD}\na,1,coil,1,,,,,,,,,,pump_speed\npump_speed,1,holding,x\n")[1]

    assert ["p.csv:3: address: 'x' is no whole number from 0 to 65535 (0-based address of its first element)"] == lines


NODES = "name,node,node_type,min,max,mask,max_step\n"


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("a,nsu=u;s=A,String,0,1,,", "limits are numbers, and its node holds String"),
        ("a,nsu=u;s=A,Double,,,0xFF,", "a mask needs a node of integers"),
        ("a,nsu=u;s=A,,,,,\nb,nsu=u;s=A,,,,,", "its node is that of another point (line 2)"),
        ("a,nsu=u;s=A,,5,1,,", "min 5 is above max 1"),
    ],
)
def test_faults_of_points_in_nodes_are_told(lines, problem):
    findings = Findings()
    check_points(read_points(NODES + lines + "\n", "p.csv", findings), findings)
    assert any(problem in str(one) for one in findings.all()), findings.all()


def test_points_in_nodes_need_no_registers_and_share_none():
    findings = Findings()
    lines = "a,nsu=u;s=A,UInt16,,,0xFF,\nb,nsu=u;s=B,Double,0,1,,0.5\nc,nsu=u;s=C,Boolean,,,,\n"
    check_points(read_points(NODES + lines, "p.csv", findings), findings)
    assert () == findings.all()
