import ast
from pathlib import Path

from icsguard.policy.nodes import codes
from icsguard.policy.nodes.codes import CODES, reply_of

FOLDER = Path(codes.__file__).parent


def test_every_code_that_is_used_stands_in_the_table_and_every_row_is_used():
    texts = {
        node.value
        for file in FOLDER.glob("*.py")
        if file.name != "codes.py"
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert [] == sorted(set(CODES) - texts)


def test_every_refusal_has_a_bad_status():
    assert all(reply >> 31 for code, (reply, _) in CODES.items() if code != "alert-by-rule")
    assert 0x803C0000 == reply_of("value-above-max")
