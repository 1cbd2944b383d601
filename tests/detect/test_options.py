import msgspec

from icsguard.detect.options import ConduitOptions, ShadowOptions


def test_options_survive_a_round_trip(points):
    options = ShadowOptions((ConduitOptions("cell", points),), horizon_s=12.0)
    assert options == msgspec.msgpack.decode(msgspec.msgpack.encode(options), type=ShadowOptions)
