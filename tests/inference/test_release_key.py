from icsguard.inference import signature
from icsguard.inference.release_key import RELEASE_KEY


def test_the_shipped_flow_model_is_signed_by_the_release_key(repo):
    card = (repo / "models" / "flow_ae.json").read_bytes()
    signature.check(RELEASE_KEY, card, (repo / "models" / "flow_ae.sig").read_bytes())
