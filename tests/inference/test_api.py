from icsguard.inference.api import ModelRefusedError


def test_a_refusal_carries_a_stable_code_and_a_sentence():
    refusal = ModelRefusedError("onnx-size", "tensor 'a' is too large")
    assert refusal.code == "onnx-size"
    assert str(refusal) == "tensor 'a' is too large"
