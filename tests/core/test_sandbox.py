import msgspec

from icsguard.core.sandbox import Option, OptionCourse, Play, PointCourse, Sandbox, Violation


def test_questions_and_answers_of_the_sandbox_survive_the_wire():
    option = Option(Play.RESTORE, values=(("speed", 1.5),), client="10.0.0.66", points=("valve",))
    assert option == msgspec.msgpack.decode(msgspec.msgpack.encode(option), type=Option)
    violation = Violation("level", 4.5, 38.0, 4.9, -1.0, surely=True, trusted=False)
    course = OptionCourse("do nothing", "may leave it", (violation,), (PointCourse("level", "m", None, 4.5, (1.0,)),))
    result = Sandbox("plc1", 1.0, (course,), "note")
    assert result == msgspec.json.decode(msgspec.json.encode(result), type=Sandbox)
