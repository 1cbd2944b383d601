from icsguard.policy.codes import CODES


def test_every_code_has_an_answer_of_the_specification_and_a_sentence():
    assert {0, 1, 2, 3, 6} == {reply for reply, _ in CODES.values()}
    assert all(text and not text.endswith(".") for _, text in CODES.values())
