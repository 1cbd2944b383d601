"""Every structure of the module is read as it was written, and no part of one passes for the whole."""

import pytest

from icsguard.core.defect import Defect
from icsguard.protocols.opcua import messages_session as messages
from icsguard.protocols.opcua.codec import decoded, encoded, shape_of

STRUCTURES = [kind for kind in vars(messages).values() if getattr(kind, "__module__", "") == messages.__name__]


@pytest.mark.parametrize("kind", STRUCTURES)
def test_a_structure_is_read_as_it_was_written(sample, kind):
    shape = shape_of(kind)
    for seed in range(8):
        value = sample(kind, seed)
        raw = encoded(shape, value)
        assert value == decoded(shape, raw)
        assert isinstance(decoded(shape, raw[:-1]), Defect)
        assert "codec-trailing" == decoded(shape, raw + b"\0").code


def test_the_module_has_structures():
    assert len(STRUCTURES) > 10
