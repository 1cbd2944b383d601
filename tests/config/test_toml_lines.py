import tomllib

import pytest

from icsguard.config.toml_lines import Lines, error_line

TEXT = """\
# a comment = 1
top = 1

[clients]
"a.b" = [
  "10.0.0.1",  # ] not the end
  "10.0.0.2",
]
c.d = { e = 1 }

[[rule]]
id = \"\"\"
[[rule]]
id = 'no'
\"\"\"
[rule.inner]
x = 1
[[rule]]
id = 'two # no comment ['
y = 2
[conduit.plc1]
z = '''
w = 5'''
v = "esc \\" ["
u = 3
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("clients",), 4),
        (("clients", "a.b"), 5),
        (("clients", "a.b", 1), 5),
        (("clients", "c", "d"), 9),
        (("clients", "c", "d", "e"), 9),
        (("rule",), 11),
        (("rule", 0), 11),
        (("rule", 0, "id"), 12),
        (("rule", 0, "inner", "x"), 17),
        (("rule", 1), 18),
        (("rule", 1, "y"), 20),
        (("rule", 1, "missing"), 18),
        (("conduit", "plc1", "v"), 24),
        (("conduit", "plc1", "u"), 25),
        (("nowhere",), 0),
    ],
)
def test_each_key_is_found_at_its_line(path, line):
    tomllib.loads(TEXT)

    assert line == Lines(TEXT).at(*path)


def test_items_after_a_dropped_one_move_up():
    lines = Lines(TEXT)
    lines.drop(("rule",), 0)

    assert (18, 20, 4) == (lines.at("rule", 0), lines.at("rule", 0, "y"), lines.at("clients"))


@pytest.mark.parametrize(("text", "line"), [("a = 1\nb = \n", 2), ("a = 1\na = 2", 2), ("a = [1,\n2", 2), ("x", 1)])
def test_a_text_that_is_no_toml_has_a_line_and_a_message(text, line):
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    found, message = error_line(caught.value, text)

    assert line == found
    assert message
    assert "line" not in message


def test_a_text_without_keys_knows_nothing():
    assert 0 == Lines("").at("a")
