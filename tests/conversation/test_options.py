import inspect

from icsguard.config.settings import Conduit, IsolationSettings
from icsguard.conversation.options import ConduitOptions, IsolationOptions


def fields(protocol):
    return [name for name, value in vars(protocol).items() if isinstance(value, property)]


def test_the_settings_of_a_conduit_are_its_options():
    conduit = Conduit("c", "h", 1, "d", 2)
    assert [] == [name for name in fields(ConduitOptions) if not hasattr(conduit, name)]
    assert [] == [name for name in fields(IsolationOptions) if not hasattr(IsolationSettings(), name)]


def test_every_option_says_what_it_is():
    for protocol in (ConduitOptions, IsolationOptions):
        assert [] == [name for name in fields(protocol) if not inspect.getdoc(getattr(protocol, name))]
